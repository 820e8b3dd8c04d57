import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPlan, type DispatchPlan } from '../../engine/gating/dispatch_plan.ts';
import { BLOCK_ROWS } from '../../engine/gating/megablocks.ts';
import { GATING_POLICIES } from '../../engine/gating/policies.ts';
import { capacityRows, fillCombineWeights, fillDispatchMask } from '../../engine/gating/static.ts';
import { DEFAULT_RUN, GatingName, type GatingSettings } from '../../engine/protocol/settings.ts';

/** Calls whose tokens choose k different experts each, as routers do. */
const calls = fc.integer({ min: 1, max: 12 }).chain((experts) =>
  fc.integer({ min: 1, max: Math.min(4, experts) }).chain((topK) =>
    fc.record({
      experts: fc.constant(experts),
      topK: fc.constant(topK),
      at: fc.integer({ min: 0, max: 3 }),
      choices: fc.array(
        fc.shuffledSubarray(
          Array.from({ length: experts }, (_, expert) => expert),
          { minLength: topK, maxLength: topK },
        ),
        { maxLength: 30 },
      ),
    }),
  ),
);
const knobs = fc.record({
  capacity: fc.oneof(fc.constantFrom(0.05, 0.1, 0.5, 1), fc.double({ min: 0.001, max: 1, noNaN: true })),
  tutelFactor: fc.oneof(fc.constantFrom(0, 1, -1), fc.double({ min: -4, max: 4, noNaN: true })),
});
type Call = typeof calls extends fc.Arbitrary<infer T> ? T : never;

function planned(settings: GatingSettings, call: Call, plan = createPlan(call.experts, call.topK)): DispatchPlan {
  const ids = Uint16Array.from([...new Array<number>(call.at).fill(0), ...call.choices.flat()]);
  GATING_POLICIES[settings.gating].plan(plan, ids, call.at, call.choices.length, settings, (own) => own);
  return plan;
}

const countsOf = ({ experts, choices }: Call) =>
  Array.from({ length: experts }, (_, expert) => choices.flat().filter((id) => id === expert).length);

describe('every policy', () => {
  it('has each kept pair in exactly one row of the expert it chose, within what is sent there', () => {
    fc.assert(
      fc.property(calls, knobs, fc.constantFrom(...GatingName.options), (call, settings, gating) => {
        const plan = planned({ ...settings, gating }, call);
        const { topK, experts } = call;
        const kept = call.choices.flat().length - plan.droppedPairs;
        expect(plan.offsets[experts]).toBe(kept);
        const seen = new Set<number>();
        for (let expert = 0; expert < experts; expert++) {
          const count = plan.counts[expert] as number;
          expect(count).toBeLessThanOrEqual(plan.sizes[expert] as number);
          for (let row = 0; row < count; row++) {
            const pair = plan.pairs[(plan.offsets[expert] as number) + row] as number;
            expect(call.choices[Math.floor(pair / topK)]?.[pair % topK]).toBe(expert);
            expect(plan.rowOfPair[pair]).toBe(row);
            seen.add(pair);
          }
        }
        expect(seen.size).toBe(kept);
        const dropped = plan.rowOfPair.subarray(0, call.choices.flat().length).filter((row) => row < 0).length;
        expect(dropped).toBe(plan.droppedPairs);
        expect(plan.slots).toBe(kept + plan.paddingRows);
      }),
    );
  });

  it('stays within the bounds that memory is planned with', () => {
    fc.assert(
      fc.property(calls, knobs, fc.constantFrom(...GatingName.options), (call, settings, gating) => {
        const plan = planned({ ...settings, gating }, call);
        const { experts, topK } = call;
        const shape = { tokens: call.choices.length, experts, topK, ranks: 1, expertsPerDevice: experts };
        const bound = GATING_POLICIES[gating].bound(shape, { ...settings, gating });
        const sent = plan.sizes.reduce((sum, rows) => sum + rows, 0);
        expect(sent).toBeLessThanOrEqual(bound.arrivedRows);
        expect(plan.slots).toBeLessThanOrEqual(bound.batchRows);
        if (GATING_POLICIES[gating].dispatch !== 'gather') expect(sent).toBeLessThanOrEqual(bound.sentRows);
      }),
    );
  });

  it('may follow any other on one plan', () => {
    const rounds = calls.chain((first) =>
      fc
        .array(fc.tuple(fc.constantFrom(...GatingName.options), knobs), { minLength: 1, maxLength: 5 })
        .map((steps) => ({
          first,
          steps,
        })),
    );
    fc.assert(
      fc.property(rounds, ({ first, steps }) => {
        const plan = createPlan(first.experts, first.topK);
        for (const [gating, settings] of steps) {
          planned({ ...settings, gating }, first, plan);
          // What lies behind the kept pairs is left from before.
          const used = (of: DispatchPlan) => ({ ...of, pairs: of.pairs.slice(0, of.offsets[of.experts]) });
          expect(used(plan)).toEqual(used(planned({ ...settings, gating }, first)));
        }
      }),
    );
  });
});

describe('static', () => {
  it('has exactly E C S slots, a waste of E C / k where C S is whole, and drops nothing at C = 1', () => {
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 30 }), (call, room) => {
        const { experts, topK, choices } = call;
        const tokens = choices.length;
        fc.pre(tokens > 0);
        const whole = Math.min(room, tokens);
        const capacity = whole / tokens;
        const plan = planned({ ...DEFAULT_RUN, gating: 'static', capacity }, call);
        expect(plan.slots).toBe(experts * whole);
        expect(plan.slots / (topK * tokens)).toBeCloseTo((experts * capacity) / topK, 9);
        expect(plan.droppedPairs).toBe(countsOf(call).reduce((sum, count) => sum + Math.max(0, count - whole), 0));
        expect(planned({ ...DEFAULT_RUN, gating: 'static', capacity: 1 }, call).droppedPairs).toBe(0);
      }),
    );
  });

  it('rounds C S up, at least 1, and not for the last bit of a product', () => {
    expect([capacityRows(0.05, 60), capacityRows(0.05, 61), capacityRows(0.05, 1), capacityRows(0.05, 0)]).toEqual([
      3, 4, 1, 0,
    ]);
    expect(capacityRows(0.07, 100)).toBe(7);
    expect(capacityRows(1, 512)).toBe(512);
  });

  it('drops the choices that weigh least: a first choice never gives way to a second one', () => {
    const call = {
      experts: 2,
      topK: 2,
      at: 0,
      choices: [
        [0, 1],
        [0, 1],
        [1, 0],
        [1, 0],
      ],
    };
    const plan = planned({ ...DEFAULT_RUN, gating: 'static', capacity: 0.5 }, call);
    expect(Array.from(plan.rowOfPair)).toEqual([0, -1, 1, -1, 0, -1, 1, -1]);
  });

  it('has one 1 a kept pair in its dispatch mask (E, S, C S), and its weight in the combine weights (S, E, C S)', () => {
    fc.assert(
      fc.property(calls, knobs, (call, settings) => {
        const plan = planned({ ...settings, gating: 'static' }, call);
        const { experts, topK, choices } = call;
        const tokens = choices.length;
        const floats = experts * tokens * plan.capacity;
        const mask = new Float32Array(floats);
        const combine = new Float32Array(floats);
        const weights = Float32Array.from({ length: tokens * topK }, (_, pair) => pair + 1);
        fillDispatchMask(plan, mask);
        fillCombineWeights(plan, weights, 0, combine);
        const expected = { mask: new Float32Array(floats), combine: new Float32Array(floats) };
        for (const [pair, weight] of weights.entries()) {
          const slot = plan.rowOfPair[pair] as number;
          if (slot < 0) continue;
          const token = Math.floor(pair / topK);
          const expert = choices[token]?.[pair % topK] as number;
          expected.mask[(expert * tokens + token) * plan.capacity + slot] = 1;
          expected.combine[(token * experts + expert) * plan.capacity + slot] = weight;
        }
        expect(mask).toEqual(expected.mask);
        expect(combine).toEqual(expected.combine);
      }),
    );
  });
});

describe('the other policies have the slots of their systems', () => {
  it('Tutel with f = 0: E times the busiest expert, over all ranks, and no drops', () => {
    fc.assert(
      fc.property(calls, fc.integer({ min: 0, max: 40 }), (call, elsewhere) => {
        const plan = createPlan(call.experts, call.topK);
        const ids = Uint16Array.from([...new Array<number>(call.at).fill(0), ...call.choices.flat()]);
        const settings = { ...DEFAULT_RUN, gating: 'tutel', tutelFactor: 0 } as const;
        GATING_POLICIES.tutel.plan(plan, ids, call.at, call.choices.length, settings, (own) =>
          Math.max(own, elsewhere),
        );
        expect(plan.slots).toBe(call.experts * Math.max(elsewhere, ...countsOf(call)));
        expect(plan.droppedPairs).toBe(0);
      }),
    );
  });

  it('Tutel with f > 0: k int(f ceil(S / E)) rows an expert, with f < 0 at most the busiest', () => {
    fc.assert(
      fc.property(calls, fc.constantFrom(0.5, 1, 1.25, 2), (call, factor) => {
        const { experts, topK, choices } = call;
        fc.pre(choices.length > 0);
        const share = Math.max(1, topK * Math.trunc(factor * Math.ceil(choices.length / experts)));
        const settings = { ...DEFAULT_RUN, gating: 'tutel' } as const;
        expect(planned({ ...settings, tutelFactor: factor }, call).capacity).toBe(share);
        const least = planned({ ...settings, tutelFactor: -factor }, call);
        expect(least.capacity).toBe(Math.min(share, ...[Math.max(...countsOf(call))]));
      }),
    );
  });

  it('MegaBlocks: the sum of counts rounded up to 128; grouped, FastMoE and dynamic: k S', () => {
    fc.assert(
      fc.property(calls, (call) => {
        const slots = (gating: GatingName) => planned({ ...DEFAULT_RUN, gating }, call).slots;
        const pairs = call.choices.flat().length;
        expect(slots('megablocks')).toBe(
          countsOf(call).reduce((sum, count) => sum + Math.ceil(count / BLOCK_ROWS) * BLOCK_ROWS, 0),
        );
        expect([slots('megablocks-grouped'), slots('fastmoe'), slots('dynamic')]).toEqual([pairs, pairs, pairs]);
      }),
    );
  });
});
