import { describe, expect, it } from 'vitest';
import { prefetchSays } from '../../../src-renderer/inspector/prefetch_words.ts';

describe('prefetch in words', () => {
  const totals = { ahead: 1204, used: 734, harmed: 86 };

  it('says what it will do before there is anything to count', () => {
    expect(prefetchSays('off', undefined)).toBe('Loads when asked');
    expect(prefetchSays('echo', undefined)).toBe('Loads what similar steps used');
  });

  it('says how much was loaded ahead, how much of it was used, and what that pushed out', () => {
    expect(prefetchSays('echo', totals)).toBe('1,204 ahead, 61% used, 86 pushed out');
    expect(prefetchSays('echo', { ahead: 0, used: 0, harmed: 0 })).toBe('Nothing foreseen so far');
  });

  it('does not speak of loads of a setting that was left', () => {
    expect(prefetchSays('off', totals)).toBe('Loads when asked');
  });
});
