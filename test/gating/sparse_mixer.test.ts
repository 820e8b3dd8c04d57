import fc from 'fast-check';
import { expect, it } from 'vitest';
import { routeToken } from '../../engine/gating/router.ts';
import { sparseMixer } from '../engine/reference_llama.ts';

/** Few values, so that ties, zeros and rivals on the threshold are common. */
const logits = fc.array(
  fc.oneof(fc.constantFrom(-2, -1, -0.5, 0, 0.5, 0.75, 1, 2), fc.float({ min: -8, max: 8, noNaN: true })),
  { minLength: 2, maxLength: 16 },
);

it('SparseMixer chooses and weighs as its formulas say, wherever the token stands', () => {
  fc.assert(
    fc.property(logits, fc.constantFrom(0, 0.01, 0.125, 0.4), fc.nat(3), (values, epsilon, before) => {
      const scores = Float32Array.from([...new Array<number>(before).fill(9), ...values, 9]);
      const [ids, weights] = [new Uint16Array(4).fill(77), new Float32Array(4).fill(-1)];
      routeToken({ kind: 'sparse-mixer', topK: 2, epsilon }, scores, before, values.length, ids, weights, 1);
      const wanted = sparseMixer(Float64Array.from(values), epsilon);
      expect(Array.from(ids)).toEqual([77, ...wanted.map(([id]) => id), 77]);
      for (const [choice, [, weight]] of wanted.entries()) expect(weights[choice + 1]).toBeCloseTo(weight, 6);
      expect([weights[0], weights[3]]).toEqual([-1, -1]);
    }),
  );
});

it('an unrivalled choice weighs 1, whatever the second one is, and both rivals share', () => {
  const route = (...values: number[]) => {
    const weights = new Float32Array(2);
    const rule = { kind: 'sparse-mixer', topK: 2, epsilon: 0.01 } as const;
    routeToken(rule, Float32Array.from(values), 0, values.length, new Uint16Array(2), weights, 0);
    return Array.from(weights);
  };
  expect(route(4, 1, -3)).toEqual([1, 1]);
  expect(route(4, 4, -3)).toEqual([0.5, 1]);
});
