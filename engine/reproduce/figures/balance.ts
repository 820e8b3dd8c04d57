import type { LabSubject, PlacementTable } from '../../protocol/labs.ts';
import { Pace } from '../../replay/pace.ts';
import { placementTable } from '../../replay/placement_table.ts';
import type { RoutingTrace } from '../../trace/trace.ts';
import type { Figure } from '../figure.ts';

export interface BalanceSource {
  readonly name: string;
  readonly trace: RoutingTrace;
  readonly devices: number;
  readonly routing: LabSubject['routing'];
}

/** First half of the batches places, the second scores, as in the paper. */
export function placementsOf({ name, trace, devices, routing }: BalanceSource): Promise<PlacementTable> {
  const subject: LabSubject = {
    ...{ source: 'trace', name, model: name, steps: trace.steps, tokens: trace.tokens },
    moeLayers: Array.from({ length: trace.moeLayers }, (_, block) => ({ stack: 'decoder', block })),
    ...{ experts: trace.experts, topK: trace.topK, devices, routing },
  };
  return placementTable(trace, subject, { devices, groups: 1, nodes: 1 }, new Pace());
}

/** Max Load and Avg Max Load by placement, for every source. */
export function balanceFigure(on: string, tables: readonly PlacementTable[]): Figure {
  const rows = tables.flatMap(({ subject, devices, rows: methods, history, scored }) =>
    methods.map(({ title, maxLoad, avgMaxLoad, redundant }) => [
      `${subject.name}, D = ${devices}`,
      title,
      100 * maxLoad,
      100 * avgMaxLoad,
      devices * avgMaxLoad,
      redundant,
      history.batches,
      scored.batches,
    ]),
  );
  const first = tables[0] as PlacementTable;
  const [contiguous, best] = [row(first, 'contiguous'), row(first, 'levelled')];
  return {
    id: 'balance',
    title: 'Max Load and Avg Max Load by placement',
    paper:
      'LM: Max Load and Avg Max Load from over 0.6 to under 0.4; anti-correlation helps where experts are used together.',
    says: `${first.subject.name}: the busiest device of a batch has ${(first.devices * contiguous.avgMaxLoad).toFixed(2)} of an even share when experts lie in order, ${(first.devices * row(first, 'greedy').avgMaxLoad).toFixed(2)} placed greedily, ${(first.devices * best.avgMaxLoad).toFixed(2)} with levelled replicas.`,
    how: 'replayed',
    on,
    columns: [
      { name: 'source' },
      { name: 'placement' },
      { name: 'Max Load', unit: '%' },
      { name: 'Avg Max Load', unit: '%' },
      { name: 'Avg Max Load, even is 1' },
      { name: 'redundant experts' },
      { name: 'history batches' },
      { name: 'scored batches' },
    ],
    rows,
  };
}

export function row(table: PlacementTable, method: PlacementTable['rows'][number]['method']) {
  return table.rows.find((entry) => entry.method === method) as PlacementTable['rows'][number];
}
