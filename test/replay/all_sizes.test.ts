import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous, type Placement } from '../../engine/balancing/placement.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { type ActiveSets, activeSets } from '../../engine/replay/active_sets.ts';
import { replayAllSizes } from '../../engine/replay/all_sizes.ts';
import { expertCaches, replayEachSize } from '../../engine/replay/each_size.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { layerPlacements, splits } from '../balancing/histories.ts';
import { traces } from '../trace/examples.ts';

const pace = new Pace();

/** Traces with wide and narrow steps, a placement on one to three devices, and which steps are scored. */
const cases = traces({ maxSteps: 45 }).chain((trace) => {
  const { moeLayers, experts, steps } = trace;
  return fc.integer({ min: 1, max: 3 }).chain((devices) =>
    fc.record({
      trace: fc.constant(trace),
      placement: fc.record<Placement>({
        devices: fc.constant(devices),
        split: splits,
        layers: fc.array(layerPlacements(experts, devices), { minLength: moeLayers, maxLength: moeLayers }),
      }),
      scored: fc.array(fc.nat(1), { minLength: steps, maxLength: steps }).map((flags) => Uint8Array.from(flags)),
    }),
  );
});

/** One layer on one device, a token a step, its experts given. */
function traceOf(events: readonly (readonly number[])[], experts: number): RoutingTrace {
  const builder = new RoutingTraceBuilder({ moeLayers: 1, experts, topK: 1 });
  for (const event of events) {
    const tokens = event.length;
    const [request, position] = [new Int32Array(tokens), new Int32Array(tokens)];
    builder.appendStep({ tokens, ids: Uint16Array.from(event), request, position, phase: new Uint8Array(tokens) });
  }
  return builder;
}

const onOne = ({ moeLayers, experts }: RoutingTrace): Placement => contiguous(moeLayers, experts, 1);

const everySize = ({ experts }: { experts: number }) => Array.from({ length: experts }, (_, index) => index + 1);
const all = ({ steps }: { steps: number }) => new Uint8Array(steps).fill(1);

/** Every policy at every size. */
async function missesOf(policy: EvictionName | 'min', sets: ActiveSets): Promise<readonly number[]> {
  const slots = everySize(sets);
  return policy === 'min'
    ? (await replayAllSizes(policy, sets, all(sets), slots, pace)).misses
    : (await eachSize(policy, sets, all(sets), slots)).misses;
}

function eachSize(policy: EvictionName, sets: ActiveSets, scored: Uint8Array, slots: readonly number[]) {
  return replayEachSize(expertCaches(policy, sets, alike(slots, sets.moeLayers)), sets, scored, pace);
}

/** The same size in every layer [sizes][moeLayers]. */
const alike = (sizes: readonly number[], moeLayers: number) =>
  sizes.map((size) => new Array<number>(moeLayers).fill(size));

/** Experts of a narrow range in events of any width: steps that exceed the cache are common. */
const wide = fc.integer({ min: 2, max: 9 }).chain((experts) =>
  fc.record({
    experts: fc.constant(experts),
    events: fc.array(
      fc.subarray(
        Array.from({ length: experts }, (_, id) => id),
        { minLength: 1 },
      ),
      { maxLength: 40 },
    ),
  }),
);

const sum = (list: Iterable<number>) => [...list].reduce((a, b) => a + b, 0);

describe('each size, with the sets scanned before', () => {
  it('is the cache replay of the trace at that size, its counters taken before and after the scored steps', async () => {
    const policy = fc.constantFrom(...EvictionName.options);
    await fc.assert(
      fc.asyncProperty(cases, policy, async ({ trace, placement, scored }, name) => {
        const { moeLayers, experts, steps } = trace;
        const slots = [1, 2, 4, 10];
        const counts = await eachSize(name, activeSets(trace, placement), scored, slots);
        for (const [index, slotsPerLayer] of slots.entries()) {
          const replay = new CacheReplay(moeLayers, experts);
          replay.apply({ atStep: 0, slotsPerLayer, eviction: name, placement });
          /** Misses so far [devices][moeLayers]. */
          const read = () =>
            Array.from({ length: placement.devices }, (_, device) =>
              Array.from({ length: moeLayers }, (_, layer) => replay.counters(device, layer).misses),
            );
          const byLayer = new Array<number>(moeLayers).fill(0);
          let slowest = 0;
          for (let step = 0; step < steps; step++) {
            const before = read();
            replay.step(trace, step);
            if (scored[step] === 0) continue;
            const missed = read().map((layers, device) =>
              layers.map((count, at) => count - (before[device]?.[at] ?? 0)),
            );
            for (const layers of missed)
              for (const [at, count] of layers.entries()) byLayer[at] = (byLayer[at] ?? 0) + count;
            slowest += Math.max(...missed.map(sum));
          }
          expect(counts.byLayer.map((layer) => layer[index])).toEqual(byLayer);
          expect(counts.misses[index]).toBe(sum(byLayer));
          expect(counts.missesPerStep[index]).toBeCloseTo(slowest / Math.max(1, sum(scored)), 12);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('LRU at all sizes in one pass', () => {
  it('is the replay of each size, to the unit: by layer, by step, on several devices', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ trace, placement, scored }) => {
        const sets = activeSets(trace, placement);
        const slots = everySize(trace);
        const together = await replayAllSizes('lru', sets, scored, slots, pace);
        const apart = await eachSize('lru', sets, scored, slots);
        expect(together.byLayer).toEqual(apart.byLayer);
        expect(together.misses).toEqual(apart.misses);
        for (const [index, mean] of together.missesPerStep.entries())
          expect(mean).toBeCloseTo(apart.missesPerStep[index] ?? -1, 12);
      }),
      { numRuns: 200 },
    );
  });

  it('also where steps exceed the cache again and again', async () => {
    await fc.assert(
      fc.asyncProperty(wide, async ({ experts, events }) => {
        const sets = activeSets(traceOf(events, experts), onOne(traceOf([], experts)));
        const { misses } = await replayAllSizes('lru', sets, all(sets), everySize(sets), pace);
        expect(misses).toEqual(await missesOf('lru', sets));
      }),
      { numRuns: 2000 },
    );
  });

  it('counts first uses, and takes any choice of sizes', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { minLength: 1 }),
        async (example, list) => {
          const { trace, placement, scored } = example;
          const sets = activeSets(trace, placement);
          const slots = [...list].sort((a, b) => a - b);
          for (const policy of ['lru', 'min'] as const) {
            const some = await replayAllSizes(policy, sets, scored, slots, pace);
            const every = await replayAllSizes(policy, sets, scored, everySize(trace), pace);
            const at = (size: number) => every.misses[Math.min(size, trace.experts) - 1];
            expect(some.misses).toEqual(slots.map(at));
            expect(every.coldMisses).toBe(every.misses.at(-1));
            expect(some.coldMisses).toBe(every.coldMisses);
          }
        },
      ),
    );
  });
});

describe('MIN (law 5)', () => {
  it('misses as little as the best of all choices, on cases small enough to try them all', async () => {
    const small = fc.integer({ min: 3, max: 5 }).chain((experts) =>
      fc.record({
        experts: fc.constant(experts),
        events: fc.array(
          fc.subarray(
            Array.from({ length: experts }, (_, id) => id),
            { minLength: 1, maxLength: 3 },
          ),
          {
            maxLength: 8,
          },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(small, async ({ experts, events }) => {
        const sets = activeSets(traceOf(events, experts), onOne(traceOf([], experts)));
        const min = await missesOf('min', sets);
        expect(min).toEqual(everySize(sets).map((size) => fewestMisses(events, size)));
      }),
      { numRuns: 400 },
    );
  });

  it('never misses more than a policy that keeps a step together, and never more with a larger cache', async () => {
    await fc.assert(
      fc.asyncProperty(wide, async ({ experts, events }) => {
        const sets = activeSets(traceOf(events, experts), onOne(traceOf([], experts)));
        const min = await missesOf('min', sets);
        for (const [index, misses] of min.entries()) expect(misses).toBeLessThanOrEqual(min[index - 1] ?? Infinity);
        for (const policy of EvictionName.exclude(['pinned']).options) {
          const misses = await missesOf(policy, sets);
          for (const [index, floor] of min.entries()) expect(floor).toBeLessThanOrEqual(misses[index] ?? 0);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('keeps what is next used soonest in the example of the paper: E = 4, two slots, 1 2 3 needed', async () => {
    // Of 1 2 3 two can stay. With 1 and 3 wanted next, 2 goes and nothing is loaded again.
    const sets = activeSets(
      traceOf(
        [
          [1, 2, 3],
          [1, 3],
        ],
        4,
      ),
      onOne(traceOf([], 4)),
    );
    expect((await missesOf('min', sets))[1]).toBe(3);
  });
});

/** What a cache may hold after an event: all of it where it fits, and any others; else any `size` of it. */
function fewestMisses(events: readonly (readonly number[])[], size: number): number {
  let best = new Map<string, number>([['', 0]]);
  for (const event of events) {
    const next = new Map<string, number>();
    for (const [key, before] of best) {
      const held = key === '' ? [] : key.split(',').map(Number);
      const misses = before + event.filter((expert) => !held.includes(expert)).length;
      const others = held.filter((expert) => !event.includes(expert));
      const [fixed, free] = event.length > size ? [[], event] : [event, others];
      for (const kept of subsets(free, Math.min(free.length, size - fixed.length))) {
        const after = [...fixed, ...kept].sort((a, b) => a - b).join(',');
        next.set(after, Math.min(misses, next.get(after) ?? Number.POSITIVE_INFINITY));
      }
    }
    best = next;
  }
  return Math.min(...best.values());
}

function subsets(list: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return list.flatMap((first, index) => subsets(list.slice(index + 1), count - 1).map((rest) => [first, ...rest]));
}
