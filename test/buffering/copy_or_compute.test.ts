import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPUTE, computedMisses, ExpertCache, HIT } from '../../engine/buffering/expert_cache.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';

const EXPERTS = 8;

interface Event {
  readonly active: number[];
  readonly rows: number[];
}

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.subarray([...new Array(EXPERTS).keys()]).chain((active) =>
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: active.length, maxLength: active.length }).map((rows) => ({
      active,
      rows,
    })),
  ),
  { maxLength: 60, size: '+1' },
);

const cases = fc.record({
  slots: fc.integer({ min: 1, max: EXPERTS }),
  eviction: fc.constantFrom(...EvictionName.options),
  afterRows: fc.integer({ min: 1, max: 30 }),
  events,
});

function open(slots: number, eviction: EvictionName, afterRows: number): ExpertCache {
  const cache = new ExpertCache(EXPERTS, slots, eviction);
  cache.copyAfterRows = afterRows;
  return cache;
}

/** Serves an event. @returns each expert served, its rows and the verdict */
function serve(cache: ExpertCache, { active, rows }: Event): [number, number, number][] {
  const order = [...cache.openStep(active, active.length).slice(0, active.length)];
  return order.map((expert) => {
    const count = rows[active.indexOf(expert)] as number;
    const foretold = cache.computes(expert, count);
    const verdict = cache.access(expert, count);
    expect(foretold).toBe(verdict === COMPUTE);
    return [expert, count, verdict];
  });
}

describe('copy or compute', () => {
  it('computes rows of an absent expert until they would exceed the limit, then loads it', () => {
    const cache = open(1, 'lru', 5);
    const one = (expert: number, rows: number) => serve(cache, { active: [expert], rows: [rows] })[0]?.[2];
    expect([one(0, 3), one(0, 2), one(1, 5)]).toEqual([COMPUTE, COMPUTE, COMPUTE]);
    expect(cache.residents()).toEqual([]);
    expect([one(0, 1), one(0, 40), one(1, 1)]).toEqual([-2, HIT, 0]);
    // Given up, it begins anew; what comes in one step with more rows than the limit is never computed.
    expect([one(0, 5), one(0, 1), one(2, 6)]).toEqual([COMPUTE, 1, 0]);
    expect(cache.counters).toEqual({ hits: 1, misses: 8, loads: 4, evictions: 3 });
    expect(computedMisses(cache.counters, 0)).toBe(4);
  });

  it('costs an absence at most twice what it would cost with its rows known before', () => {
    fc.assert(
      fc.property(cases, ({ slots, eviction, afterRows, events }) => {
        const cache = open(slots, eviction, afterRows);
        const rent = new Array<number>(EXPERTS).fill(0);
        let computed = 0;
        for (const event of events) {
          const before = new Set(cache.residents());
          for (const [expert, rows, verdict] of serve(cache, event)) {
            const owed = (rent[expert] as number) + rows;
            if (verdict === COMPUTE) {
              rent[expert] = owed;
              computed++;
              expect(owed).toBeLessThanOrEqual(afterRows);
              expect(before.has(expert)).toBe(false);
            } else if (verdict !== HIT) {
              // The best that is known of the absence afterwards: compute all its rows, or copy at once, at the price of `afterRows`.
              expect((rent[expert] as number) + afterRows).toBeLessThanOrEqual(2 * Math.min(owed, afterRows));
              rent[expert] = 0;
            }
          }
        }
        const { hits, misses, loads, evictions } = cache.counters;
        expect(hits + misses).toBe(events.reduce((sum, { active }) => sum + active.length, 0));
        expect(computedMisses(cache.counters, 0)).toBe(computed);
        expect(loads - evictions).toBe(cache.residentCount);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same served in one pass, and what is computed changes nothing that is resident', () => {
    fc.assert(
      fc.property(cases, ({ slots, eviction, afterRows, events }) => {
        const [one, other] = [open(slots, eviction, afterRows), open(slots, eviction, afterRows)];
        for (const event of events) {
          const before = one.residents();
          const served = serve(one, event);
          if (served.every(([, , verdict]) => verdict === HIT || verdict === COMPUTE))
            expect(one.residents()).toEqual(before);
          const { active, rows } = event;
          other.serve(Int32Array.from(active), 0, active.length, 0, Int32Array.from(rows));
          expect(other.residents()).toEqual(one.residents());
          expect(other.counters).toEqual(one.counters);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('goes with an expert into a pool, and ends where it is loaded ahead', () => {
    const cache = open(2, 'lru', 4);
    serve(cache, { active: [3], rows: [4] });
    const pool = open(2, 'lru', 4);
    pool.takeOver([{ cache, layer: 0 }]);
    expect(pool.computes(3, 1)).toBe(false);
    pool.beginPrefetch();
    pool.prefetch(3);
    pool.retain(() => false);
    expect(pool.computes(3, 4)).toBe(true);
  });
});
