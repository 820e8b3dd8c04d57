import type { PlacementTable } from '../../../engine/protocol/labs.ts';
import type { Params } from '../../../engine/protocol/messages.ts';
import { useSession } from '../../app/context.tsx';
import { percent, plain, speed, tile } from '../../format/numbers.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import type { TableColumn, TableRow } from '../../labs/table_data.ts';
import { useLabSource } from '../../labs/use_lab_source.ts';
import { BalanceChart } from './balance_chart.tsx';
import { methodVariable } from './method_colours.ts';
import { MethodMenu } from './method_menu.tsx';
import { bestRow } from './placement_layout.ts';
import { balanceSentence, scalingSentence } from './placement_sentences.ts';

interface BalancePanelProps {
  readonly table: PlacementTable;
  readonly params: Params<'placementLab'>;
  readonly drawn: readonly string[];
  readonly onToggle: (method: string) => void;
}

/** How evenly every method loads the devices: the question of the lab. */
export function BalancePanel({ table, params, drawn, onToggle }: BalancePanelProps) {
  const isLive = useLabSource().kind === 'live';
  const inForce = useSession((s) => s.snapshot.run?.settings.placement);
  const best = bestRow(table.rows);
  const { history, scored, batchTokens } = table;
  return (
    <LabPanel
      title="Balance"
      note={`largest share of a device, %; made from ${history.batches} batches, scored on ${scored.batches}, ${plain(batchTokens)} tokens each, replayed`}
      figure={best === undefined ? '–' : tile(best.avgMaxLoad * table.devices)}
      unit={`× an even share, ${best?.title ?? ''}`}
      says={
        <>
          {balanceSentence(table)}
          <span className="hint placement-how">
            {scalingSentence(table)} {table.speedSays}
          </span>
        </>
      }
      table={<BalanceTable table={table} />}
      className="placement-balance"
    >
      <BalanceChart
        table={table}
        colourOf={(method) => (drawn.includes(method) ? methodVariable(method) : undefined)}
        onToggle={onToggle}
        inForce={isLive ? inForce : undefined}
        menu={(row) => <MethodMenu row={row} params={params} />}
      />
    </LabPanel>
  );
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'Method', isText: true },
  { title: 'Avg Max Load', unit: 'share of a batch, scored half' },
  { title: 'on history', unit: 'Avg Max Load' },
  { title: 'Max Load', unit: 'share of a batch, scored half' },
  { title: 'max on history', unit: 'Max Load' },
  { title: 'redundant', unit: 'copies a layer' },
  { title: 'tok/s', unit: 'projected' },
];

function BalanceTable({ table }: { readonly table: PlacementTable }) {
  const share = (value: number) => ({ text: `${percent(value)}%`, value });
  const rows = table.rows.map(
    (row): TableRow => ({
      key: row.method,
      cells: [
        { text: row.title },
        share(row.avgMaxLoad),
        share(row.historyAvgMaxLoad),
        share(row.maxLoad),
        share(row.historyMaxLoad),
        { text: plain(row.redundant), value: row.redundant },
        row.tokensPerSecond === undefined
          ? { text: '–' }
          : { text: speed(row.tokensPerSecond), value: row.tokensPerSecond },
      ],
    }),
  );
  return <DataTable caption="Balance" columns={COLUMNS} rows={rows} />;
}
