import { useMemo, useState } from 'react';
import type { PlacementRow, PlacementTable } from '../../../engine/protocol/labs.ts';
import { count, percentText, plain, tile } from '../../format/numbers.ts';
import { plural } from '../../format/words.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import { LinePlot } from '../../labs/line_plot.tsx';
import { methodVariable } from './method_colours.ts';
import { thinned } from './placement_layout.ts';
import { shareSentence } from './placement_sentences.ts';

/** More points than this would not be told apart in the width of the panel. */
const MOST_POINTS = 160;

interface SharePanelProps {
  readonly table: PlacementTable;
  /** Methods to be drawn. */
  readonly drawn: readonly string[];
}

/** The busiest device of every scored batch, as a multiple of an even share; the axis begins at 1. */
export function SharePanel({ table, drawn }: SharePanelProps) {
  const [pinned, setPinned] = useState<number>();
  const rows = useMemo(() => table.rows.filter(({ method }) => drawn.includes(method)), [table, drawn]);
  const perPoint = thinned(table.rows[0]?.largestShare ?? [], MOST_POINTS).perPoint;
  const lines = useMemo(
    () =>
      rows.map(({ method, title, largestShare }) => ({
        id: method,
        title,
        colour: methodVariable(method),
        y: thinned(largestShare, MOST_POINTS).values.map((share) => share * table.devices - 1),
      })),
    [rows, table.devices],
  );
  const points = lines[0]?.y.length ?? 0;
  const xs = useMemo(() => Array.from({ length: points }, (_, i) => i * perPoint + 1), [points, perPoint]);
  return (
    <LabPanel
      title="Busiest device by batch"
      note={`times an even share, mean of layers, scored half${perPoint > 1 ? `, means of ${plural(perPoint, 'batch', 'batches')}` : ''}`}
      says={shareSentence(table, rows)}
      table={<ShareTable rows={rows} />}
    >
      {points === 0 ? (
        <div className="panel-empty">Tick methods in the list above to draw their batches</div>
      ) : (
        <LinePlot
          label="Share of the busiest device in each scored batch, as a multiple of an even share"
          xs={xs}
          xScale="linear"
          xUnit="batch"
          lines={lines}
          formatX={count}
          formatTick={(value) => (value === 0 ? 'even' : plain(value + 1))}
          formatValue={(value) => tile(value + 1)}
          pinned={pinned}
          onPin={setPinned}
        />
      )}
    </LabPanel>
  );
}

/** Every batch, not thinned. */
function ShareTable({ rows }: { readonly rows: readonly PlacementRow[] }) {
  const batches = rows[0]?.largestShare.length ?? 0;
  return (
    <DataTable
      caption="Busiest device by batch"
      columns={[{ title: 'batch' }, ...rows.map(({ title }) => ({ title, unit: 'share of the batch' }))]}
      rows={Array.from({ length: batches }, (_, batch) => ({
        key: String(batch),
        cells: [
          { text: count(batch + 1), value: batch + 1 },
          ...rows.map(({ largestShare }) => {
            const value = largestShare[batch] ?? 0;
            return { text: percentText(value), value };
          }),
        ],
      }))}
    />
  );
}
