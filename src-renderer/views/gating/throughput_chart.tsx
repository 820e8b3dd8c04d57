import { useMemo, useState } from 'react';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { count } from '../../format/numbers.ts';
import { LinePlot } from '../../labs/line_plot.tsx';
import { batchesOf, policyVariable, throughputLines } from './gating_layout.ts';

/** Tokens a second against batch size; a cross where a batch does not fit the device. */
export function ThroughputChart({ table }: { readonly table: GatingTable }) {
  const [pinned, setPinned] = useState<number>();
  const batches = useMemo(() => batchesOf(table), [table]);
  const lines = useMemo(
    () =>
      throughputLines(table).map(({ policy, title, tokensPerSecond }) => ({
        id: policy,
        title,
        colour: policyVariable(policy),
        y: tokensPerSecond,
        isMain: policy === 'dynamic',
      })),
    [table],
  );
  return (
    <LinePlot
      label="Tokens a second against the sequences in a batch, a line for each policy, measured"
      xs={batches}
      xScale="log"
      xUnit="batch"
      lines={lines}
      formatTick={count}
      formatValue={count}
      missing="does not fit"
      pinned={pinned}
      onPin={setPinned}
    />
  );
}
