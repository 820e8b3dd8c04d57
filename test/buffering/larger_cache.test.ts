import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpertCache } from '../../engine/buffering/expert_cache.ts';
import type { EvictionName } from '../../engine/protocol/settings.ts';

/** Two sizes, and events of which some are small and some exceed both. */
const twoSizes = fc.integer({ min: 3, max: 10 }).chain((experts) =>
  fc.integer({ min: 1, max: experts - 1 }).chain((small) => {
    const all = Array.from({ length: experts }, (_, expert) => expert);
    const event = fc.oneof(
      fc.subarray(all),
      fc.subarray(all, { maxLength: 2 }),
      fc.subarray(all, { minLength: small }),
    );
    return fc.record({
      experts: fc.constant(experts),
      small: fc.constant(small),
      large: fc.oneof(fc.constant(small + 1), fc.integer({ min: small + 1, max: experts })),
      events: fc.array(event, { maxLength: 40 }),
    });
  }),
);

/** Law 5, and where it ends. */
describe('a larger cache', () => {
  it('never misses more under LRU, whatever the active sets', () => {
    fc.assert(
      fc.property(twoSizes, ({ experts, small, large, events }) => {
        const [a, b] = [new ExpertCache(experts, small, 'lru'), new ExpertCache(experts, large, 'lru')];
        for (const event of events) {
          feed(a, event);
          feed(b, event);
          expect(b.counters.misses).toBeLessThanOrEqual(a.counters.misses);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('holds what the smaller one holds, under LRU, where the active sets fit into it or it has two slots more', () => {
    fc.assert(
      fc.property(twoSizes, ({ experts, small, large, events }) => {
        const [a, b] = [new ExpertCache(experts, small, 'lru'), new ExpertCache(experts, large, 'lru')];
        for (const event of events) {
          if (event.length > large && large === small + 1) continue;
          feed(a, event);
          feed(b, event);
          expect(b.residents()).toEqual(expect.arrayContaining(a.residents()));
        }
      }),
      { numRuns: 600 },
    );
  });

  it('with one slot more does not hold it where a step exceeds both, but has missed less by then', () => {
    const [a, b] = [new ExpertCache(4, 2, 'lru'), new ExpertCache(4, 3, 'lru')];
    for (const event of [
      [0, 1, 2],
      [1, 2, 3],
    ])
      for (const cache of [a, b]) feed(cache, event);
    for (const event of [[0, 1, 2, 3]]) for (const cache of [a, b]) feed(cache, event);
    expect([a.residents(), b.residents()]).toEqual([
      [1, 3],
      [0, 2, 3],
    ]);
    expect(b.counters.misses).toBeLessThan(a.counters.misses);
  });

  it('would miss more under LRU if a step used its hits before its misses (why use_order.ts goes by id)', () => {
    const events = [
      [0, 3, 4, 5, 7],
      [1, 6],
      [0, 3, 5, 6, 7],
      [2, 8],
      [3, 5, 6, 7, 8],
      [0, 1, 4],
      [1, 2, 5, 6],
      [1, 3, 7, 8],
      [2],
    ];
    expect(missesInServingOrder(events, 6)).toBeGreaterThan(missesInServingOrder(events, 5));
    expect(misses('lru', events, 9, 6)).toBeLessThanOrEqual(misses('lru', events, 9, 5));
  });

  it('can miss more under the LIFO of the paper, also where every active set fits', () => {
    const events = [[3, 4, 5], [2, 5, 6], [1, 6], [0, 3, 4], [2, 3], [0], [0, 1, 2]];
    expect([misses('lifo', events, 7, 4), misses('lifo', events, 7, 5)]).toEqual([10, 11]);
  });

  it('lifo-lru is LRU where every active set fits', () => {
    fc.assert(
      fc.property(twoSizes, ({ experts, large, events }) => {
        const [a, b] = [new ExpertCache(experts, large, 'lru'), new ExpertCache(experts, large, 'lifo-lru')];
        for (const event of events.filter(({ length }) => length <= large)) {
          feed(a, event);
          feed(b, event);
          expect(b.residents()).toEqual(a.residents());
        }
        expect(b.counters).toEqual(a.counters);
      }),
    );
  });
});

function feed(cache: ExpertCache, event: readonly number[]): void {
  cache.serve(Int32Array.from(event), 0, event.length);
}

function misses(policy: EvictionName, events: readonly number[][], experts: number, slots: number): number {
  const cache = new ExpertCache(experts, slots, policy);
  for (const event of events) feed(cache, event);
  return cache.counters.misses;
}

/** LRU in which the experts of a step count as used in the order in which they are served; every event fits. */
function missesInServingOrder(events: readonly number[][], slots: number): number {
  let held: number[] = [];
  let total = 0;
  for (const event of events) {
    const hits = event.filter((expert) => held.includes(expert));
    const missed = event.filter((expert) => !held.includes(expert));
    const others = held.filter((expert) => !event.includes(expert));
    total += missed.length;
    held = [...others.slice(Math.max(0, others.length - (slots - event.length))), ...hits, ...missed];
  }
  return total;
}
