import { expect, it } from 'vitest';
import { DEFAULT_RUN } from '../../../engine/protocol/settings.ts';
import { copiesSays } from '../../../src-renderer/inspector/copies_words.ts';
import { copyLimitTitle, settingText } from '../../../src-renderer/stores/run_settings.ts';

const TOTALS = { computed: 30, misses: 120, steps: 10, ms: 25 };
const RUN = {
  ...{ id: 'a', path: '', startedAt: '', slotsPerLayer: 4, expertsPerDevice: 8, budgetBytes: [1], lost: [] },
  ...{ expectedBytes: [1], settings: DEFAULT_RUN, copyAfterRows: [7] },
};

it('says what becomes of missing experts, and what computing them cost', () => {
  const card = { ...DEFAULT_RUN, devices: [{ id: 'webgpu:0' }] };
  expect(copiesSays(card, undefined, undefined)).toBe('Copied when asked for');
  expect(copiesSays({ ...card, copyAfterRows: 4 }, RUN, undefined)).toBe('Rare ones are computed on the host');
  expect(copiesSays({ ...card, copyAfterRows: 4 }, RUN, TOTALS)).toBe('25% of misses on the host, 2.50 ms a step');
  expect(copiesSays({ ...card, copyAfterRows: 'auto' }, RUN, TOTALS)).toBe(
    'A copy costs 7 rows. 25% of misses on the host, 2.50 ms a step',
  );
  expect(copiesSays({ ...card, copyAfterRows: 4, gating: 'static' }, RUN, TOTALS)).toContain('all are copied');
  expect(copiesSays({ ...DEFAULT_RUN, copyAfterRows: 'auto' }, RUN, undefined)).toContain('On a CPU');
});

it('names limits as they stand in lists and labels', () => {
  expect([0, 'auto' as const, 1, 64].map((rows) => copyLimitTitle(rows as number))).toEqual([
    'Copy at once',
    'Auto',
    'After 1 row',
    'After 64 rows',
  ]);
  expect(settingText('copyAfterRows', { ...DEFAULT_RUN, copyAfterRows: 16 }, 8)).toBe('After 16 rows');
});
