import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GREEDY, type Sampling } from '../../engine/protocol/settings.ts';
import { Likeliest } from '../../engine/rank/likeliest.ts';
import { Sampler } from '../../engine/rank/sampler.ts';

const logitsOf = (least: number, most: number) =>
  fc
    .array(fc.integer({ min: -40, max: 40 }), { minLength: least, maxLength: most })
    .map((values) => Float32Array.from(values, (value) => value / 8));

/** By the definition: sorted, cut at k, weighed, cut at p. @returns probability by token */
function byDefinition(logits: Float32Array, temperature: number, topK: number, topP: number): Map<number, number> {
  const order = [...logits.keys()].sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  const kept = order.slice(0, topK === 0 ? undefined : topK);
  const weights = kept.map((id) =>
    Math.exp(((logits[id] as number) - (logits[order[0] as number] as number)) / temperature),
  );
  const mass = weights.reduce((a, b) => a + b);
  let sum = 0;
  let count = 0;
  while (count < kept.length && (topP === 1 || sum < topP * mass)) sum += weights[count++] as number;
  return new Map(kept.slice(0, count).map((id, i) => [id, (weights[i] as number) / sum]));
}

describe('sampling', () => {
  // Vocabularies on both sides of where a threshold is looked for.
  it.each([
    ['in order', 1, 40, fc.integer({ min: 1, max: 60 })],
    ['by threshold', 150, 400, fc.constantFrom(0, 130, 200, 1000)],
  ])('leaves what top-k and top-p say, %s', (_, least, most, topK) => {
    fc.assert(
      fc.property(
        logitsOf(least, most),
        fc.constantFrom(0.05, 0.5, 1, 4),
        topK,
        fc.constantFrom(0.137, 0.531, 0.917, 1),
        (logits, temperature, k, p) => {
          const likeliest = new Likeliest();
          const count = likeliest.collect(logits, temperature, k, p);
          const wanted = byDefinition(logits, temperature, k, p);
          expect([...likeliest.ids.subarray(0, count)].sort()).toEqual([...wanted.keys()].sort());
          for (let i = 0; i < count; i++) {
            const share = (likeliest.weights[i] as number) / likeliest.mass;
            expect(share).toBeCloseTo(wanted.get(likeliest.ids[i] as number) as number, 9);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes each token as often as its weight says, and the same one again', () => {
    const sampling: Sampling = { ...GREEDY, temperature: 1, topK: 3, seed: 5 };
    const logits = () => Float32Array.of(Math.log(0.5), -9, Math.log(0.3), Math.log(0.2));
    const draws = Array.from({ length: 4000 }, (_, at) => new Sampler().sample(logits(), sampling, [], 0, at));
    const share = (token: number) => draws.filter((draw) => draw === token).length / draws.length;
    expect([0, 1, 2, 3].map((token) => Math.round(share(token) * 20) / 20)).toEqual([0.5, 0, 0.3, 0.2]);
    expect(new Sampler().sample(logits(), sampling, [], 0, 7)).toBe(draws[7]);
  });

  it('makes tokens of the sequence less likely, above and below 0', () => {
    const sampler = new Sampler();
    const penalised = (seen: number[]) => {
      const logits = Float32Array.of(2, -1, 1.5);
      const token = sampler.sample(logits, { ...GREEDY, repetitionPenalty: 2 }, seen, 0, 0);
      return [token, ...logits];
    };
    expect(penalised([])).toEqual([0, 2, -1, 1.5]);
    expect(penalised([0, 1])).toEqual([2, 1, -2, 1.5]);
  });
});
