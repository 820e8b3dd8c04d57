import { useMemo, useState } from 'react';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { percentText, plain } from '../../format/numbers.ts';
import { LinePlot } from '../../labs/line_plot.tsx';
import { logAxis, valueAxis } from '../../labs/plot_scale.ts';
import { byCapacity } from './gating_layout.ts';

/** From here on a linear axis would press the low end flat. */
const LOG_FROM = 4;

/** Perplexity on the held-out sample against capacity, and under each capacity the share of routed pairs that it drops. */
export function QualityChart({ table }: { readonly table: GatingTable }) {
  const [pinned, setPinned] = useState<number>();
  const points = useMemo(() => byCapacity(table), [table]);
  const lines = useMemo(
    () => [
      {
        id: 'perplexity',
        title: 'perplexity',
        colour: '--accent',
        y: points.map(({ perplexity }) => perplexity),
        isMain: true,
      },
    ],
    [points],
  );
  const values = points.map(({ perplexity }) => perplexity);
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  return (
    <LinePlot
      label="Perplexity on the held-out sample against the capacity fraction C of static gating, measured"
      xs={points.map(({ capacity }) => capacity)}
      xScale="log"
      xUnit="C"
      lines={lines}
      yAxis={highest / lowest >= LOG_FROM ? logAxis(lowest, highest) : valueAxis(highest)}
      formatX={plain}
      formatTick={plain}
      formatValue={plain}
      under={{
        name: 'dropped',
        text: (x) => percentText(points.find(({ capacity }) => capacity === x)?.droppedShare ?? 0),
      }}
      pinned={pinned}
      onPin={setPinned}
    />
  );
}
