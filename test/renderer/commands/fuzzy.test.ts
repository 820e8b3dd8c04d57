import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzyScore, fuzzySort } from '../../../src-renderer/commands/fuzzy.ts';

describe('fuzzyScore', () => {
  it('matches letters in order and nothing else', () => {
    expect(fuzzyScore('thl', 'Light theme')).toBeUndefined();
    expect(fuzzyScore('lth', 'Light theme')).toBeDefined();
    expect(fuzzyScore('', 'anything')).toBe(0);
  });

  it('finds the match that a greedy search walks past', () => {
    expect(fuzzyScore('ab', 'xab a')).toBeDefined();
  });

  it('matches exactly when the query is a subsequence', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, (query, text) => {
        let rest = text;
        const isSubsequence = [...query.replaceAll(' ', '')].every((letter) => {
          const at = rest.indexOf(letter);
          rest = rest.slice(at + 1);
          return at !== -1;
        });
        expect(fuzzyScore(query, text) !== undefined).toBe(isSubsequence);
      }),
    );
  });
});

it('puts starts of words and titles first', () => {
  const items = [['Export report'], ['Run or pause'], ['Stop the run', 'rp']];
  expect(fuzzySort('rp', items, (texts) => texts)[0]).toEqual(['Run or pause']);
});
