import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpertCache, HIT, LOAD } from '../../engine/buffering/expert_cache.ts';
import { PIN_STEPS } from '../../engine/buffering/pinned.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { ReferenceCache } from './reference_cache.ts';

/** Those whose rule is one of a single layer; routing echo has its own reference, echo.test.ts. */
const ruled = EvictionName.options.filter((name) => name !== 'echo');

type Change =
  | { readonly kind: 'event'; readonly active: number[] }
  | { readonly kind: 'resize'; readonly capacity: number }
  | { readonly kind: 'eviction'; readonly policy: EvictionName }
  | { readonly kind: 'retain'; readonly kept: number[] };

function changes(experts: number, policy: fc.Arbitrary<EvictionName>): fc.Arbitrary<Change[]> {
  const event = fc.subarray(ids(experts)).map((active): Change => ({ kind: 'event', active }));
  return fc.array(
    fc.oneof(
      { weight: 12, arbitrary: event },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 1, max: experts }).map((capacity): Change => ({ kind: 'resize', capacity })),
      },
      { weight: 1, arbitrary: policy.map((name): Change => ({ kind: 'eviction', policy: name })) },
      { weight: 1, arbitrary: fc.subarray(ids(experts)).map((kept): Change => ({ kind: 'retain', kept })) },
    ),
    { maxLength: 120, size: '+1' },
  );
}

const scenario = (policies: readonly EvictionName[]) =>
  fc.integer({ min: 1, max: 12 }).chain((experts) => {
    const policy = fc.constantFrom(...policies);
    return fc.record({
      experts: fc.constant(experts),
      capacity: fc.integer({ min: 1, max: experts }),
      start: policy,
      script: changes(experts, policy),
    });
  });

describe('expert cache', () => {
  it('does what the reference does: verdicts, victims, residents and counters', () => {
    fc.assert(
      fc.property(scenario(ruled), ({ experts, capacity, start, script }) => {
        const cache = new ExpertCache(experts, capacity, start);
        const reference = new ReferenceCache(capacity, start);
        for (const change of script) {
          expect(apply(cache, change)).toEqual(applyReference(reference, change));
          expect(cache.residents()).toEqual(reference.residents());
          expect(cache.counters).toEqual(reference.counters);
        }
      }),
      { numRuns: 600 },
    );
  });

  it('never holds more than its slots, and its counters add up', () => {
    fc.assert(
      fc.property(scenario(EvictionName.options), ({ experts, capacity, start, script }) => {
        const cache = new ExpertCache(experts, capacity, start);
        let accesses = 0;
        for (const change of script) {
          apply(cache, change);
          if (change.kind === 'event') accesses += change.active.length;
          const { hits, misses, loads, evictions } = cache.counters;
          expect(cache.residentCount).toBeLessThanOrEqual(cache.capacity);
          expect(cache.residents().length).toBe(cache.residentCount);
          expect(hits + misses).toBe(accesses);
          expect(loads - evictions).toBe(cache.residentCount);
        }
      }),
    );
  });

  it('gives up 2 and keeps 1 in the example of the paper, in both readings: E = 4, two slots, 1 2 3 needed', () => {
    for (const reading of ['lifo', 'lifo-lru'] as const) {
      const cache = new ExpertCache(4, 2, reading);
      expect(apply(cache, { kind: 'event', active: [1, 2, 3] })).toEqual([
        [1, 'load'],
        [2, 'load'],
        [3, 2],
      ]);
      expect(cache.residents()).toEqual([1, 3]);
    }
  });

  it('tells the readings and LRU apart: which of two inactive experts goes, and which of the active', () => {
    const victim = (name: EvictionName, events: readonly number[][]) => {
      const cache = new ExpertCache(8, 3, name);
      return events
        .map((active) => apply(cache, { kind: 'event', active }) as [number, unknown][])
        .at(-1)
        ?.at(-1)?.[1];
    };
    // 0 was loaded first and used last; 2 was loaded last and never again.
    const inactive = [[0], [1], [2], [1], [0], [5]];
    const named = ['lifo', 'lifo-lru', 'lru'] as const;
    expect(named.map((name) => victim(name, inactive))).toEqual([2, 2, 2]);
    const older = [[0], [1], [2], [1], [2], [5]];
    expect(named.map((name) => victim(name, older))).toEqual([2, 0, 0]);
    const allActive = [[1, 2, 3, 4]];
    expect(named.map((name) => victim(name, allActive))).toEqual([3, 3, 1]);
  });

  it('serves in waves a step that needs more than the cache holds: everything once, resident when its turn comes', () => {
    const waves = fc.record({
      slots: fc.integer({ min: 1, max: 5 }),
      before: fc.array(fc.subarray(ids(9)), { maxLength: 40 }),
      name: fc.constantFrom(...EvictionName.options),
    });
    fc.assert(
      fc.property(waves, ({ slots, before, name }) => {
        const cache = new ExpertCache(9, slots, name);
        for (const active of before) apply(cache, { kind: 'event', active });
        const hits = cache.residents();
        const misses = ids(9).filter((expert) => !hits.includes(expert));
        const order = Array.from(cache.openStep(ids(9), 9));
        expect(order).toEqual([...hits, ...misses]);
        for (const expert of order) {
          cache.access(expert);
          expect(cache.isResident(expert)).toBe(true);
          expect(cache.residentCount).toBeLessThanOrEqual(slots);
        }
        expect(cache.residentCount).toBe(slots);
      }),
    );
  });

  it('keeps a pinned hot set whatever passes through the last slot, and pins anew for another size', () => {
    const cache = new ExpertCache(8, 3, 'lru');
    for (let step = 0; step < PIN_STEPS; step++) apply(cache, { kind: 'event', active: [0, 1 + (step % 2)] });
    cache.setEviction('pinned');
    const scan = () => {
      for (let step = 0; step < 12; step++) apply(cache, { kind: 'event', active: [4 + (step % 4)] });
      return cache.residents();
    };
    // 0 was used in every step, 1 and 2 in every second one: two are pinned, and of equals the lower id.
    expect(scan()).toEqual([0, 1, 7]);
    cache.resize(2);
    expect(scan()).toEqual([0, 7]);
    cache.resize(4);
    apply(cache, { kind: 'event', active: [1] });
    apply(cache, { kind: 'event', active: [2] });
    expect(scan()).toEqual([0, 1, 2, 7]);
  });
});

function apply(cache: ExpertCache, change: Change): unknown {
  switch (change.kind) {
    case 'event': {
      const order = cache.openStep(change.active, change.active.length).slice(0, change.active.length);
      return Array.from(order, (expert) => {
        const verdict = cache.access(expert);
        return [expert, verdict === HIT ? 'hit' : verdict === LOAD ? 'load' : verdict];
      });
    }
    case 'resize':
      return cache.resize(change.capacity);
    case 'eviction':
      return cache.setEviction(change.policy);
    case 'retain':
      return cache.retain((expert) => change.kept.includes(expert));
  }
}

function applyReference(cache: ReferenceCache, change: Change): unknown {
  switch (change.kind) {
    case 'event':
      return cache.event(change.active);
    case 'resize':
      return cache.resize(change.capacity);
    case 'eviction':
      return cache.setEviction(change.policy);
    case 'retain':
      return cache.retain(change.kept);
  }
}

function ids(experts: number): number[] {
  return Array.from({ length: experts }, (_, expert) => expert);
}
