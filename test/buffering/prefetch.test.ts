import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { DeviceRouting } from '../../engine/buffering/device_routing.ts';
import { ExpertCache } from '../../engine/buffering/expert_cache.ts';
import { EchoForesight, foreseenWeights, MOST_FORESEEN, RouterForesight } from '../../engine/buffering/foresight.ts';
import { Prefetcher } from '../../engine/buffering/prefetcher.ts';
import { CacheScope, EvictionName } from '../../engine/protocol/settings.ts';
import { DeviceCaches } from '../../engine/replay/device_caches.ts';

const [LAYERS, EXPERTS] = [3, 10];

/** Passes that repeat earlier ones more often than not, over a few layers. */
const steps = (minLength: number) => {
  const set = fc.subarray(
    Array.from({ length: EXPERTS }, (_, expert) => expert),
    { maxLength: 3 },
  );
  const step = fc.record({
    fresh: fc.array(set, { minLength: LAYERS, maxLength: LAYERS }),
    back: fc.integer({ min: 0, max: 8 }),
  });
  return fc.array(step, { minLength, maxLength: minLength + 40 }).map((list) => {
    const made: number[][][] = [];
    for (const { fresh, back } of list) made.push(made[made.length - back] ?? fresh);
    return made;
  });
};

const scenario = fc.record({
  sets: steps(20),
  slots: fc.integer({ min: 1, max: 8 }),
  eviction: fc.constantFrom(...EvictionName.options),
  scope: fc.constantFrom(...CacheScope.options),
});
const ahead = fc.constantFrom('echo' as const, 'router' as const);

/** What routers might say: the experts that are used, in any order, and each time a wrong one. */
function foreseen(active: readonly number[]): Uint8Array {
  const sums = new Uint8Array(EXPERTS);
  const weights = foreseenWeights(4);
  for (const [at, expert] of active.entries()) sums[expert] = weights[at] as number;
  const wrong = (active.length * 7) % EXPERTS;
  if (sums[wrong] === 0) sums[wrong] = weights[3] as number;
  return sums;
}

/** Of two devices the first owns experts 0 to 4; events hold its own experts only. */
const placement = contiguous(LAYERS, EXPERTS, 2);
const own = (active: readonly number[]) => Int32Array.from(active.filter((expert) => expert < EXPERTS / 2));

const residents = (caches: DeviceCaches, layer: number) =>
  Array.from({ length: EXPERTS }, (_, expert) => expert).filter((expert) => caches.isResident(layer, expert));

describe('prefetch', () => {
  it('keeps to its slots and the experts of its device, and its counters add up', () => {
    let loaded = 0;
    fc.assert(
      fc.property(scenario, ahead, ({ sets, slots, eviction, scope }, prefetch) => {
        const caches = new DeviceCaches(0, LAYERS, EXPERTS, {
          slotsPerLayer: slots,
          eviction,
          placement,
          prefetch,
          scope,
        });
        let accesses = 0;
        for (const layers of sets) {
          for (const [layer, active] of layers.entries()) {
            const before = residents(caches, layer);
            caches.replayPrefetch(layer, foreseen(active));
            const fetched = residents(caches, layer).filter((expert) => !before.includes(expert));
            const bound = scope === 'layer' ? slots : slots * LAYERS;
            expect(scope === 'layer' ? residents(caches, layer).length : caches.residentCount).toBeLessThanOrEqual(
              bound,
            );
            expect(fetched.every((expert) => expert < EXPERTS / 2)).toBe(true);
            const wanted = own(active);
            accesses += wanted.length;
            caches.replayEvent(layer, wanted, wanted.length);
          }
        }
        let all = 0;
        for (let layer = 0; layer < LAYERS; layer++) {
          const counters = caches.countersOf(layer);
          const prefetches = caches.prefetchesOf(layer);
          expect(counters.loads).toBe(counters.misses + prefetches.loads);
          expect(counters.loads - counters.evictions).toBe(residents(caches, layer).length);
          expect(prefetches.used).toBeLessThanOrEqual(prefetches.loads);
          expect(prefetches.harmed).toBeLessThanOrEqual(counters.misses);
          all += counters.hits + counters.misses;
          loaded += prefetches.loads;
        }
        expect(all).toBe(accesses);
      }),
      { numRuns: 300 },
    );
    expect(loaded).toBeGreaterThan(0);
  });

  it('never looks ahead of the layer: another future changes nothing before it', () => {
    fc.assert(
      fc.property(scenario, steps(3), ({ sets, slots, eviction, scope }, other) => {
        const counts = (all: readonly number[][][]) => {
          const settings = { slotsPerLayer: slots, eviction, placement, prefetch: 'echo' as const, scope };
          const caches = new DeviceCaches(0, LAYERS, EXPERTS, settings);
          return all.map((layers) => {
            for (const [layer, active] of layers.entries()) {
              caches.replayPrefetch(layer);
              caches.replayEvent(layer, own(active), own(active).length);
            }
            return layers.map((_, layer) => ({
              ...caches.countersOf(layer),
              ahead: { ...caches.prefetchesOf(layer) },
            }));
          });
        };
        expect(counts([...sets, ...other]).slice(0, sets.length)).toEqual(counts(sets));
      }),
    );
  });

  it('foresees a repeated routing after the first passes, loads it in time and never what is already there', () => {
    const routing = new DeviceRouting(2, 32);
    const prefetcher = new Prefetcher(new EchoForesight(routing, 2), 2, 32);
    const caches = [0, 1].map((layer) => new ExpertCache(32, 4, 'lru', { routing, layer }));
    const serve = (layer: number, active: number[]) => {
      const cache = caches[layer] as ExpertCache;
      const planned = prefetcher.plan(layer, cache, () => true);
      const wanted = Array.from(prefetcher.wanted.subarray(0, planned));
      for (const expert of wanted) {
        expect(cache.isResident(expert)).toBe(false);
        cache.prefetch(expert);
      }
      prefetcher.observe(layer, active, active.length);
      const order = Array.from(cache.openStep(active, active.length).subarray(0, active.length));
      for (const expert of order) cache.access(expert);
      return wanted;
    };
    // What layer 0 uses says what layer 1 uses; eight pairs go round, too many for LRU.
    for (let pass = 0; pass < 64; pass++) {
      const pair = pass % 8;
      serve(0, [2 * pair, 2 * pair + 1]);
      const wanted = serve(1, [30 - 2 * pair, 31 - 2 * pair]);
      if (pass >= 32) expect(wanted.sort((a, b) => a - b)).toEqual([30 - 2 * pair, 31 - 2 * pair]);
    }
    const { misses } = (caches[1] as ExpertCache).counters;
    const { loads, used } = (caches[1] as ExpertCache).prefetches;
    expect(loads).toBeGreaterThan(60);
    expect(used).toBe(loads);
    expect(misses + used).toBe(2 * 64);
  });

  it('hears of several tokens what it would hear of each: doubts multiply, on however many devices they are known', () => {
    const foresight = new RouterForesight(3);
    const weights = foreseenWeights(4);
    const sums = (choices: readonly number[]) => choices.reduce((sum, choice) => sum + (weights[choice] as number), 0);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 8 }), (choices) => {
        const sum = Math.min(MOST_FORESEEN, sums(choices));
        const vote = foresight.votes(0, Uint8Array.of(0, sum, MOST_FORESEEN)) as Float64Array;
        const doubt = choices.reduce((product, choice) => product * (1 - (4 - choice) / 5), 1);
        expect(vote[0]).toBe(0);
        expect(vote[1]).toBeCloseTo(1 - Math.max(doubt, 2 ** -8), 1);
        expect(vote[2]).toBeGreaterThan(0.99);
      }),
    );
    expect(foresight.votes(0, undefined)).toBeUndefined();
  });

  it('stops loading what routers foresee once it does not come true, and begins again when it does', () => {
    const caches = new DeviceCaches(0, 2, EXPERTS, {
      slotsPerLayer: 2,
      eviction: 'lru',
      placement: contiguous(2, EXPERTS, 1),
      prefetch: 'router',
    });
    const passes = (count: number, used: number) => {
      const before = { ...caches.prefetchesOf(1) };
      for (let pass = 0; pass < count; pass++) {
        // A layer of its own expert each pass, so that what is foreseen is never there already.
        const wanted = [(2 * pass) % 8, ((2 * pass) % 8) + 1];
        caches.replayEvent(0, Int32Array.of(0), 1);
        caches.replayPrefetch(1, foreseen(wanted));
        const active = wanted.map((expert) => (expert + used) % 8);
        active.sort((a, b) => a - b);
        caches.replayEvent(1, Int32Array.from(active), 2);
      }
      const { loads, used: right } = caches.prefetchesOf(1);
      return { loads: loads - before.loads, used: right - before.used };
    };
    expect(passes(20, 0)).toEqual({ loads: 38, used: 38 });
    expect(passes(40, 4).loads).toBeLessThan(40);
    expect(passes(40, 4).loads).toBe(0);
    passes(40, 0);
    expect(passes(20, 0).used).toBeGreaterThan(30);
  });

  it('counts as harm a miss of what it pushed out, once, and as no use of an expert that it loaded', () => {
    const cache = new ExpertCache(6, 2, 'lfu');
    const event = (active: number[]) => {
      const order = Array.from(cache.openStep(active, active.length).subarray(0, active.length));
      for (const expert of order) cache.access(expert);
    };
    event([0, 1]);
    event([1]);
    cache.beginPrefetch();
    expect(cache.prefetch(2)).toBe(0);
    event([0]);
    // 2 was never used, so it went, and 1 stayed.
    expect(cache.residents()).toEqual([0, 1]);
    expect(cache.prefetches).toEqual({ loads: 1, used: 0, harmed: 1 });
    event([2]);
    event([0]);
    expect(cache.prefetches.harmed).toBe(1);
  });
});
