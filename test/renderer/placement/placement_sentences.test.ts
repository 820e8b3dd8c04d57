import { describe, expect, it } from 'vitest';
import {
  balanceSentence,
  devicesSentence,
  scalingSentence,
  shareSentence,
} from '../../../src-renderer/views/placement/placement_sentences.ts';
import { CONTIGUOUS, COVARIANCE, LEVELLED, PLACEMENT } from './placement_example.ts';

describe('what the Placement lab says', () => {
  it('of balance: the best as a multiple of even, contiguous beside it, and who only learned the history', () => {
    expect(balanceSentence(PLACEMENT)).toBe(
      'Replicas, levelled: the busiest device gets 1.14 times an even share; contiguous 1.52. ' +
        'Mean and covariance does 26.9% worse than on the history it was made from.',
    );
    expect(balanceSentence({ ...PLACEMENT, rows: [CONTIGUOUS, LEVELLED] })).toMatch(
      /What was learned on the history half holds on the other\.$/,
    );
    expect(balanceSentence({ ...PLACEMENT, rows: [CONTIGUOUS, { ...COVARIANCE, avgMaxLoad: 0.5 }] })).toMatch(
      /^Contiguous: the busiest device gets 1.52 times an even share, and no other method does better\./,
    );
  });

  it('of batches: the worst of those drawn', () => {
    expect(shareSentence(PLACEMENT, [LEVELLED, CONTIGUOUS])).toBe(
      'In the worst batch the busiest device gets 40% under Contiguous, 1.6 times an even share.',
    );
    expect(shareSentence(PLACEMENT, [])).toBe('Tick methods in the list above to see their batches.');
  });

  it('of devices: what replicas cost, and who misses most', () => {
    expect(devicesSentence(PLACEMENT, 'copies', undefined)).toBe(
      'Replicas add 8 copies a layer to its 64 experts: 12.5% more.',
    );
    expect(devicesSentence(PLACEMENT, 'memory', 2 ** 20)).toBe(
      'Replicas add 8 copies a layer to its 64 experts: 12.5% more, 32 MiB in all.',
    );
    expect(devicesSentence({ ...PLACEMENT, rows: [CONTIGUOUS] }, 'copies', undefined)).toMatch(/^No method holds/);
    expect(devicesSentence(PLACEMENT, 'misses', undefined)).toBe(
      'With 8 slots a layer the worst device misses 25% under Contiguous; Replicas, levelled at most 12%.',
    );
  });

  it('of the two scalings of anti-correlation', () => {
    expect(scalingSentence(PLACEMENT)).toBe(
      'Anti-correlation as printed weighs correlation 10 times the mean load; scaled per expert, 0.05 times.',
    );
  });
});
