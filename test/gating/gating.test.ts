import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPlan, type DispatchPlan } from '../../engine/gating/dispatch_plan.ts';
import { routeToken } from '../../engine/gating/router.ts';
import { sortPairs } from '../../engine/gating/sort_pairs.ts';

interface Choices {
  readonly at: number;
  readonly tokens: number;
  readonly ids: Uint16Array;
}

const steps = fc
  .record({ experts: fc.integer({ min: 1, max: 20 }), topK: fc.integer({ min: 1, max: 4 }) })
  .chain(({ experts, topK }) => {
    const choices: fc.Arbitrary<Choices> = fc
      .record({ at: fc.integer({ min: 0, max: 5 }), tokens: fc.integer({ min: 0, max: 12 }) })
      .chain(({ at, tokens }) => {
        const length = at + tokens * topK;
        return fc
          .array(fc.integer({ min: 0, max: experts - 1 }), { minLength: length, maxLength: length })
          .map((ids) => ({ at, tokens, ids: Uint16Array.from(ids) }));
      });
    return fc.record({
      experts: fc.constant(experts),
      topK: fc.constant(topK),
      rounds: fc.array(choices, { minLength: 1, maxLength: 4 }),
    });
  });

describe('dynamic gating', () => {
  it('is a stable sort of the pairs by expert, with its inverse, for a plan used again and again', () => {
    fc.assert(
      fc.property(steps, ({ experts, topK, rounds }) => {
        const plan = createPlan(experts, topK);
        for (const { at, tokens, ids } of rounds) {
          sortPairs(plan, ids, at, tokens);
          expectSorted(plan, Array.from(ids.subarray(at, at + tokens * topK)));
          expect([plan.tokens, plan.paddingRows, plan.droppedPairs]).toEqual([tokens, 0, 0]);
        }
      }),
    );
  });
});

function expectSorted(plan: DispatchPlan, chosen: number[]): void {
  const pairs = chosen.map((expert, pair) => ({ expert, pair })).sort((a, b) => a.expert - b.expert || a.pair - b.pair);
  const byExpert = Array.from({ length: plan.experts }, (_, expert) => pairs.filter((pair) => pair.expert === expert));
  expect(Array.from(plan.pairs.subarray(0, chosen.length))).toEqual(pairs.map(({ pair }) => pair));
  expect(Array.from(plan.counts)).toEqual(byExpert.map(({ length }) => length));
  for (let expert = 0; expert <= plan.experts; expert++) {
    expect(plan.offsets[expert]).toBe(pairs.filter((pair) => pair.expert < expert).length);
  }
  for (const [pair, expert] of chosen.entries()) {
    expect(byExpert[expert]?.[plan.rowOfPair[pair] ?? -1]?.pair).toBe(pair);
  }
}

/** Half of the logits from a few values: ties. */
const logit = fc.oneof(
  fc.constantFrom(-1, 0, 0.5, 2),
  fc.float({ min: -30, max: 30, noNaN: true }).map((value) => Math.fround(value)),
);
const routed = fc.integer({ min: 1, max: 16 }).chain((experts) =>
  fc.record({
    experts: fc.constant(experts),
    topK: fc.oneof(fc.integer({ min: 1, max: experts }), fc.constant(experts)),
    renormalise: fc.boolean(),
    at: fc.integer({ min: 0, max: 3 }),
    out: fc.integer({ min: 0, max: 3 }),
    logits: fc.array(logit, { minLength: experts, maxLength: experts }),
  }),
);

describe('softmax router', () => {
  it('takes the k largest, the lowest id where equal, and weighs them by softmax', () => {
    fc.assert(
      fc.property(routed, ({ experts, topK, renormalise, at, out, logits }) => {
        const ids = new Uint16Array(out + topK + 1).fill(999);
        const weights = new Float32Array(out + topK + 1).fill(-7);
        const padded = Float32Array.from([...new Array(at).fill(50), ...logits, 50]);
        routeToken({ kind: 'softmax', topK, renormalise }, padded, at, experts, ids, weights, out);

        const sum = logits.reduce((total, value) => total + Math.exp(value), 0);
        const ranked = logits.map((value, expert) => ({ expert, value, p: Math.exp(value) / sum }));
        const chosen = ranked.sort((a, b) => b.value - a.value || a.expert - b.expert).slice(0, topK);
        const divisor = renormalise ? chosen.reduce((total, { p }) => total + p, 0) : 1;
        expect(Array.from(ids)).toEqual([...new Array(out).fill(999), ...chosen.map(({ expert }) => expert), 999]);
        for (const [choice, { p }] of chosen.entries()) expect(weights[out + choice]).toBeCloseTo(p / divisor, 6);
        expect([...weights.subarray(0, out), weights[out + topK]]).toEqual(new Array(out + 1).fill(-7));
      }),
      { numRuns: 500 },
    );
  });

  it('does not overflow', () => {
    const ids = new Uint16Array(2);
    const weights = new Float32Array(2);
    for (const renormalise of [true, false]) {
      routeToken({ kind: 'softmax', topK: 2, renormalise }, Float32Array.of(1e4, -1e4, 1e4), 0, 3, ids, weights, 0);
      expect([...ids, ...weights]).toEqual([0, 2, 0.5, 0.5]);
    }
  });
});
