import { describe, expect, it } from 'vitest';
import { TextLog } from '../../src-renderer/stores/text_log.ts';
import { tailRuns } from '../../src-renderer/views/live/text_runs.ts';

const piece = (text: string, waited = false) => ({ text, waited });

describe('TextLog', () => {
  it('shows in each row the sequence that was put there last', () => {
    const log = new TextLog();
    log.append([
      { sequence: 4, row: 1, prompt: 'In the', pieces: [piece(' beginning'), piece(' was', true)] },
      { sequence: 3, row: 0, prompt: 'def', pieces: [] },
    ]);
    log.append([{ sequence: 4, row: 1, pieces: [piece(' the')], done: true }]);
    expect(log.rows.map((row) => row.row)).toEqual([0, 1]);
    expect(log.row(1)).toMatchObject({ sequence: 4, tokens: 3, waitedTokens: 1, done: true, prompt: 'In the' });
    log.append([{ sequence: 9, row: 1, prompt: 'New', pieces: [] }]);
    expect(log.row(1)).toMatchObject({ sequence: 9, tokens: 0, done: false });
  });

  it('stays bounded, keeps the newest text, and still counts every token', () => {
    const log = new TextLog();
    for (let i = 0; i < 50_000; i++) log.append([{ sequence: 0, row: 0, pieces: [piece(`${i} `)] }]);
    const row = log.row(0);
    const characters = row?.pieces.reduce((sum, { text }) => sum + text.length, 0) ?? 0;
    expect(characters).toBeLessThanOrEqual(24_000);
    expect(row?.pieces.at(-1)?.text).toBe('49999 ');
    expect(row?.tokens).toBe(50_000);
  });

  it('tells a change by its version', () => {
    const log = new TextLog();
    const { version } = log;
    log.append([]);
    expect(log.version).toBe(version);
    log.append([{ sequence: 0, row: 0, pieces: [piece('a')] }]);
    expect(log.version).toBeGreaterThan(version);
  });
});

describe('tailRuns', () => {
  const log = new TextLog();
  log.append([{ sequence: 0, row: 0, prompt: 'Say', pieces: [piece(' a'), piece(' b', true), piece('\nc')] }]);
  const entry = log.row(0);
  if (entry === undefined) throw new Error('the log has no row 0');

  it('joins neighbours of one look and tints words, not the spaces around them', () => {
    expect(tailRuns(entry, 100, true)).toEqual([
      { look: 'prompt', text: 'Say' },
      { look: 'plain', text: ' a ' },
      { look: 'waited', text: 'b' },
      { look: 'plain', text: '↵c' },
    ]);
  });

  it('ends with the newest text and takes no more than it may', () => {
    expect(tailRuns(entry, 4, true).map(({ text }) => text)).toEqual([' ', 'b', '↵c']);
    expect(tailRuns(entry, 1, false)).toEqual([{ look: 'plain', text: 'c' }]);
    expect(tailRuns(entry, 100, false).at(-1)?.text).toBe('\nc');
  });
});
