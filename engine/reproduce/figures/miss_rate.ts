import { contiguous, type Placement } from '../../balancing/placement.ts';
import type { LabSubject, ReplayPolicy } from '../../protocol/labs.ts';
import { cacheTable } from '../../replay/cache_table.ts';
import { Pace } from '../../replay/pace.ts';
import type { RoutingTrace } from '../../trace/trace.ts';
import type { Figure } from '../figure.ts';

/** The paper's own rule in both readings, its two comparisons, and the best causal policies known to us. */
const SHOWN: readonly ReplayPolicy[] = ['min', 'lifo', 'lifo-lru', 'fifo', 'lru', 'lfru', 'echo'];
const SIZES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16];
export const CACHE_DEVICES = 8;

/** Miss rate by size and policy, and how far each is from Belady's MIN. The paper's 8 GPUs hold 16 experts a layer each. */
export async function missRateFigures(
  id: string,
  on: string,
  trace: RoutingTrace,
  placements: readonly { readonly name: string; readonly placement: Placement }[] = [
    { name: 'contiguous', placement: contiguous(trace.moeLayers, trace.experts, CACHE_DEVICES) },
  ],
): Promise<Figure[]> {
  const slots = SIZES.filter((size) => size <= trace.experts / CACHE_DEVICES);
  const subject: LabSubject = {
    ...{ source: 'trace', name: on, model: on, steps: trace.steps, tokens: trace.tokens },
    moeLayers: Array.from({ length: trace.moeLayers }, (_, block) => ({ stack: 'decoder', block })),
    ...{ experts: trace.experts, topK: trace.topK, devices: CACHE_DEVICES, routing: 'synthetic' },
  };
  const figures: Figure[] = [];
  for (const { name, placement } of placements) {
    const table = await cacheTable({ subject, trace, placement, scored: 'all', slots, policies: SHOWN }, new Pace());
    const min = table.rows[0] as (typeof table.rows)[number];
    const columns = [
      { name: 'slots per layer and device' },
      ...table.rows.map(({ title }) => ({ name: title, unit: '%' })),
    ];
    const lifo = table.rows.find(({ policy }) => policy === 'lifo') as typeof min;
    const fifo = table.rows.find(({ policy }) => policy === 'fifo') as typeof min;
    const middle = Math.floor(slots.length / 2);
    const percent = (share: number | undefined) => `${(100 * (share ?? Number.NaN)).toFixed(0)}%`;
    figures.push({
      id: `${id}.${name}`,
      title: `Miss rate by cache size, ${name} placement`,
      paper: 'LIFO beats FIFO; with balancing it is "very close" to Belady\'s MIN. Sizes 1 to 16 per GPU, MT decoder.',
      says: `At ${slots[middle]} slots the paper's LIFO misses ${percent(lifo.missRate[middle])}, FIFO ${percent(fifo.missRate[middle])}, and no policy can miss less than ${percent(min.missRate[middle])}.`,
      how: 'replayed',
      on,
      columns,
      rows: slots.map((size, index) => [size, ...table.rows.map(({ missRate }) => 100 * (missRate[index] as number))]),
      drawing: { kind: 'lines', x: 0, ys: table.rows.map((_, index) => index + 1) },
    });
    figures.push({
      id: `${id}.${name}.over_min`,
      title: `Miss rate above MIN, ${name} placement`,
      paper: 'The difference to MIN is plotted for LIFO with and without balancing.',
      says: 'What is left is the price of not knowing the future: prefetching may win it, another eviction order cannot.',
      how: 'replayed',
      on,
      columns: [columns[0] as { name: string }, ...columns.slice(2)],
      rows: slots.map((size, index) => [
        size,
        ...table.rows
          .slice(1)
          .map(({ missRate }) => 100 * ((missRate[index] as number) - (min.missRate[index] as number))),
      ]),
      drawing: { kind: 'lines', x: 0, ys: table.rows.slice(1).map((_, index) => index + 1) },
    });
  }
  return figures;
}
