import { LEDGER_CATEGORIES, STEP_PHASES } from '../../protocol/telemetry.ts';
import type { RowPlan, StepResult } from '../../rank/messages.ts';
import type { Figure } from '../figure.ts';
import type { GatingVariant } from '../gating_trial.ts';
import { median } from '../median.ts';
import type { Trial } from '../trial.ts';

const MIB = 2 ** 20;
/** Held from step to step whatever the batch is: what the paper calls static memory. */
const STATIC = ['embedding', 'attention', 'otherDense', 'experts'] as const;

const LOAD_PHASE = STEP_PHASES.indexOf('load');
/** Hits, misses, loads, evictions. */
const COUNTERS = 4;

export interface CacheCost {
  readonly slots: number;
  readonly staticBytes: number;
  readonly stepMs: number;
  readonly stallMs: number;
  readonly missRate: number;
}

/** Decoder steps at falling cache sizes; the largest holds every expert. */
export async function measureCacheCost(
  trial: Trial,
  dynamic: GatingVariant,
  sizes: readonly number[],
  steps: readonly (readonly RowPlan[])[],
): Promise<CacheCost[]> {
  const costs: CacheCost[] = [];
  for (const slots of sizes) {
    await trial.use(dynamic.gating, slots);
    const results: StepResult[] = [];
    for (const rows of steps) results.push(await trial.step(rows));
    // The first steps still empty or fill the cache.
    const settled = results.slice(Math.floor(results.length / 2));
    costs.push({
      slots,
      staticBytes: staticBytes(results.at(-1) as StepResult),
      stepMs: median(settled.map(({ durationMs }) => durationMs)),
      stallMs: median(settled.map(({ phaseMs }) => phaseMs[LOAD_PHASE] as number)),
      missRate: missRate(settled),
    });
  }
  return costs;
}

export function cacheCostFigure(on: string, costs: readonly CacheCost[]): Figure {
  const full = costs[0] as CacheCost;
  const least = costs.at(-1) as CacheCost;
  return {
    id: 'cache_cost',
    title: 'Latency and memory against cache size',
    paper:
      'Static memory falls by up to 32% (1.47x) at one slot per GPU and layer; copies from the host are the main cost.',
    says: `From all experts to ${least.slots} slot a layer, static memory falls ${(full.staticBytes / least.staticBytes).toFixed(1)} times and a decoder step takes ${(least.stepMs / full.stepMs).toFixed(1)} times as long.`,
    how: 'measured',
    on,
    columns: [
      { name: 'slots per layer' },
      { name: 'static memory', unit: 'MiB' },
      { name: 'decoder step', unit: 'ms' },
      { name: 'waiting for loads', unit: 'ms' },
      { name: 'miss rate', unit: '%' },
    ],
    rows: [...costs]
      .reverse()
      .map(({ slots, staticBytes: bytes, stepMs, stallMs, missRate: rate }) => [
        slots,
        bytes / MIB,
        stepMs,
        stallMs,
        100 * rate,
      ]),
    drawing: { kind: 'lines', x: 0, ys: [2, 3] },
  };
}

export function staticBytes({ ledgerBytes }: StepResult): number {
  return STATIC.reduce((sum, category) => sum + (ledgerBytes[LEDGER_CATEGORIES.indexOf(category)] as number), 0);
}

function missRate(results: readonly StepResult[]): number {
  let hits = 0;
  let misses = 0;
  for (const { cache } of results) {
    for (let at = 0; at < cache.length; at += COUNTERS) {
      hits += cache[at] as number;
      misses += cache[at + 1] as number;
    }
  }
  return misses / Math.max(1, hits + misses);
}
