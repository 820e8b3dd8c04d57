import { describe, expect, it } from 'vitest';
import {
  memorySentence,
  qualityMissing,
  qualitySentence,
  slotsSentence,
  throughputSentence,
  timeSentence,
} from '../../../src-renderer/views/gating/gating_sentences.ts';
import { slotsTable } from '../../../src-renderer/views/gating/gating_tables.ts';
import { DYNAMIC, GATING, STATIC } from './gating_example.ts';

describe('what the Gating lab says', () => {
  it('of slots: padding, drops, and who wastes nothing', () => {
    expect(slotsSentence(GATING)).toBe(
      'Static runs 13.3 rows for each real one; Static drops 2.3% of what was routed; Dynamic runs real rows only and drops none.',
    );
    expect(slotsSentence({ ...GATING, rows: [DYNAMIC] })).toBe('Dynamic runs real rows only and drops none.');
  });

  it('of slots in encoder and decoder apart, where the model has both', () => {
    const { slots, realRows, paddingRows, droppedPairs, wasteFactor } = STATIC;
    const encoder = { slots, realRows, paddingRows, droppedPairs, wasteFactor };
    const decoder = { ...encoder, slots: 64, realRows: 4, paddingRows: 60, droppedPairs: 4, wasteFactor: 8 };
    const rows = [{ ...STATIC, stacks: { encoder, decoder } }];
    expect(slotsSentence({ ...GATING, rows })).toBe(
      'Static runs 13.3 rows for each real one, 13.3 in the encoder and 16 in the decoder; Static drops 2.3% of what was routed.',
    );
    const { columns, rows: lines } = slotsTable({ ...GATING, rows });
    expect(lines[0]?.cells).toHaveLength(columns.length);
    expect(lines[0]?.cells.slice(-6).map((cell) => cell.value)).toEqual([1664, 3, 13, 64, 4, 8]);
    expect(qualityMissing({ ...GATING, rows, quality: [] })).toContain('this model has an encoder');
    expect(qualityMissing({ ...GATING, quality: [] })).toContain('no held-out sample');
    expect(qualityMissing(GATING)).toBeUndefined();
  });

  it('of time: how much longer, and where', () => {
    expect(timeSentence(GATING)).toBe(
      'Static takes 12.0 ms a step, 2 times as long as Dynamic with 6.00 ms; most of the difference is in the gate.',
    );
    expect(timeSentence({ ...GATING, rows: [DYNAMIC, { ...DYNAMIC, policy: 'fastmoe' }] })).toBe(
      'All policies take the same time here.',
    );
  });

  it('of memory: the highest peak against the lowest', () => {
    expect(memorySentence(GATING)).toBe(
      'Static peaks at 80 MiB, 5 MiB above Dynamic; gating and expert rows hold 6 MiB of it.',
    );
    expect(memorySentence({ ...GATING, rows: [STATIC, { ...STATIC, policy: 'tutel' }] })).toBe(
      'All policies peak at 80 MiB; gating and expert rows hold 6 MiB of it.',
    );
  });

  it('of throughput: the best, and what does not fit', () => {
    expect(throughputSentence(GATING)).toBe(
      'Dynamic reaches 6,000 tok/s at batch 32; Static does not fit from batch 32.',
    );
    const full = GATING.throughput.filter(({ batch }) => batch === 8);
    expect(throughputSentence({ ...GATING, throughput: full })).toBe(
      'Dynamic reaches 4,000 tok/s at batch 8, 2 times Static.',
    );
    const none = full.map((point) => ({ ...point, tokensPerSecond: null }));
    expect(throughputSentence({ ...GATING, throughput: none })).toBe('No batch fits the device.');
  });

  it('of quality: how far down capacity is free, and what the smallest costs', () => {
    expect(qualitySentence(GATING)).toBe(
      'C down to 0.25 costs under 1%; at C = 0.05 41% of the routed pairs are dropped and perplexity is 45 instead of 18.',
    );
    const dear = GATING.quality.filter(({ capacity }) => capacity !== 0.25);
    expect(qualitySentence({ ...GATING, quality: dear })).toMatch(/^Every capacity below 1 costs quality; at C = 0.05/);
    expect(qualitySentence({ ...GATING, quality: [] })).toBe('');
  });
});
