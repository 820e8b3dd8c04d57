import { describe, expect, it } from 'vitest';
import type { PrecisionRow } from '../../../engine/protocol/precision.ts';
import { DEFAULT_RUN, RunSettings, STORED_PRECISION } from '../../../engine/protocol/settings.ts';
import { precisionName } from '../../../src-renderer/format/precision_names.ts';
import { isSamePrecision, measuredPrecisions } from '../../../src-renderer/inspector/precision_lab.ts';
import { priceSays } from '../../../src-renderer/inspector/precision_words.ts';

const row = (perplexity: number | null, agreement: number) => ({ perplexity, agreement }) as PrecisionRow;

describe('precision in the inspector', () => {
  it('is as stored in run files of studios that had no such setting', () => {
    const { precision: _, ...before } = DEFAULT_RUN;
    expect(RunSettings.parse(before).precision).toEqual(STORED_PRECISION);
  });

  it('measures what is chosen where the usual ones do not have it', () => {
    const usual = measuredPrecisions(STORED_PRECISION);
    expect(measuredPrecisions({ experts: 'fp32', dense: 'stored' })).toBe(usual);
    expect(measuredPrecisions({ experts: 'int4', dense: 'fp32' })).toBe(usual);
    expect(measuredPrecisions({ experts: 'int4', dense: 'int8' })).toHaveLength(usual.length + 1);
    expect(isSamePrecision({ experts: 'stored', dense: 'int8' }, { experts: 'fp32', dense: 'int8' })).toBe(true);
    expect(isSamePrecision({ experts: 'int4', dense: 'int8' }, { experts: 'int8', dense: 'int4' })).toBe(false);
  });

  it('names both parts where they differ', () => {
    expect(precisionName({ experts: 'int4', dense: 'stored' })).toBe('int4');
    expect(precisionName({ experts: 'int4', dense: 'int4' })).toBe('int4, all');
    expect(precisionName({ experts: 'stored', dense: 'int8' })).toBe('As stored, dense int8');
  });

  it('says what was lost, and gained, in words', () => {
    const stored = row(40, 1);
    expect(priceSays(stored, row(40.4, 0.91))).toBe('Perplexity +1.00%; 91% of choices of experts are the same.');
    expect(priceSays(stored, row(39.9, 0.983))).toBe('Perplexity −0.25%; 98.3% of choices of experts are the same.');
    expect(priceSays(row(null, 1), row(null, 0.9))).toBe('90% of choices of experts are the same.');
    expect(priceSays(stored, stored)).toMatch(/^As stored/);
  });
});
