import { contiguous } from '../../engine/balancing/placement.ts';
import { ExpertCache } from '../../engine/buffering/expert_cache.ts';
import type { EvictionName } from '../../engine/protocol/settings.ts';
import { curveSizes, MissCurveReplay } from '../../engine/replay/miss_curve.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { ActiveScan, type RoutingTrace, RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { type Bench, type BenchContext, type Figure, ratioTo } from './bench.ts';
import { cpuDevices, measureRun } from './engine_run.ts';
import { interleave, median, pairedRatio, timed } from './statistics.ts';

/** As the live curve has. */
const SIZES = 32;
const WINDOW_STEPS = 256;
const SLOTS = 16;
const ROUNDS = 9;

export const replay: Bench = {
  id: 'replay',
  title: 'Speed of the what-if replay that draws the curve under the slider',
  figures: ['replay.curve_ns', 'replay.curve_step_ms', 'replay.accesses_s.lru', 'replay.accesses_s.lifo'],
  async *run(context): AsyncGenerator<Figure> {
    const trace = await recordTrace(context);
    const accesses = countAccesses(trace);
    const placement = contiguous(trace.moeLayers, trace.experts, 1);
    const sizes = curveSizes(trace.experts, SIZES);
    const { curve, one } = await interleave(
      {
        curve: () =>
          timed(() => {
            const replay = new MissCurveReplay(
              trace.moeLayers,
              trace.experts,
              { placement, eviction: 'lifo' },
              sizes,
              WINDOW_STEPS,
            );
            for (let step = 0; step < trace.steps; step++) replay.step(trace, step);
          }),
        one: () =>
          timed(() => {
            const replay = new CacheReplay(trace.moeLayers, trace.experts);
            replay.apply({ atStep: 0, slotsPerLayer: SLOTS, eviction: 'lifo', placement });
            for (let step = 0; step < trace.steps; step++) replay.step(trace, step);
          }),
      },
      { rounds: ROUNDS, warmUp: true },
    );
    const perAccess = (ms: number) => (ms * 1e6) / accesses;
    const curveNs = perAccess(median(curve)) / sizes.length;
    yield {
      id: 'replay.curve_ns',
      value: curveNs,
      unit: 'ns',
      how: 'measured',
      detail: `per access and size, ${sizes.length} sizes, lifo, ${trace.steps} steps of demo-lm at batch 8`,
      versus: ratioTo('one size alone', curveNs, perAccess(median(one))),
    };
    yield {
      id: 'replay.curve_step_ms',
      value: median(curve) / trace.steps,
      unit: 'ms/step',
      how: 'measured',
      detail: `all ${sizes.length} sizes`,
    };
    const active = activeSets(trace);
    const { lru, lifo } = await interleave(
      { lru: () => accessRate(active, trace, 'lru'), lifo: () => accessRate(active, trace, 'lifo') },
      { rounds: ROUNDS, warmUp: true },
    );
    const rate = {
      unit: 'accesses/s',
      how: 'measured',
      detail: `ExpertCache alone, ${SLOTS} slots of ${trace.experts}`,
    } as const;
    yield { id: 'replay.accesses_s.lru', value: median(lru), ...rate };
    yield {
      id: 'replay.accesses_s.lifo',
      value: median(lifo),
      ...rate,
      versus: { baseline: 'replay.accesses_s.lru', ratio: pairedRatio(lifo, lru) },
    };
  },
};

async function recordTrace(context: BenchContext): Promise<RoutingTrace> {
  const { steps } = await measureRun(context, context.model, {
    devices: cpuDevices(1),
    batch: 8,
    promptCount: 24,
    promptTokens: 64,
    newTokens: 128,
  });
  const [first] = steps;
  if (first === undefined) throw new Error('the run has no steps');
  const moeLayers = first.inactive.length;
  const topK = first.ids.length / moeLayers / first.tokens;
  const builder = new RoutingTraceBuilder({ moeLayers, experts: 64, topK });
  for (const row of steps) builder.appendStep(row);
  return builder;
}

/** Distinct experts by step and layer. */
function activeSets(trace: RoutingTrace): Int32Array[][] {
  const scan = new ActiveScan(trace.experts);
  return Array.from({ length: trace.steps }, (_, step) =>
    Array.from({ length: trace.moeLayers }, (_, layer) => scan.ids.slice(0, scan.scan(trace, step, layer))),
  );
}

const countAccesses = (trace: RoutingTrace): number =>
  activeSets(trace).reduce((sum, layers) => sum + layers.reduce((inner, ids) => inner + ids.length, 0), 0);

async function accessRate(
  active: readonly Int32Array[][],
  trace: RoutingTrace,
  eviction: EvictionName,
): Promise<number> {
  const caches = Array.from({ length: trace.moeLayers }, () => new ExpertCache(trace.experts, SLOTS, eviction));
  let accesses = 0;
  const ms = await timed(() => {
    for (const layers of active) {
      for (const [layer, ids] of layers.entries()) {
        (caches[layer] as ExpertCache).serve(ids, 0, ids.length);
        accesses += ids.length;
      }
    }
  });
  return (accesses / ms) * 1000;
}
