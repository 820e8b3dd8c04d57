import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunHistory } from '../../src-renderer/stores/history.ts';
import { columns, type StepExample } from './live_example.ts';

const LONG = Number.POSITIVE_INFINITY;

/** Steps one millisecond apart; the number of misses in layer 1 tells them apart. */
const steps = (from: number, count: number): StepExample[] =>
  Array.from({ length: count }, (_, i) => ({
    step: from + i,
    endMs: from + i,
    hits: [1, 2],
    misses: [0, (from + i) % 1000],
    ledger: [[from + i]],
  }));

describe('RunHistory', () => {
  it('keeps the newest steps whole, whatever the sizes of the frames', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 400_000 }),
        (frames, bytes) => {
          const history = new RunHistory({ bytes, spanMs: LONG });
          let sent = 0;
          for (const count of frames) {
            history.append(columns(steps(sent, count)));
            sent += count;
          }
          expect(history.endRow).toBe(sent);
          expect(history.droppedSteps).toBe(sent - history.count);
          if (sent > 0) expect(history.count).toBeGreaterThan(0);
          const rows = Array.from({ length: history.count }, (_, i) => history.firstRow + i);
          const { misses, hitsAll, missesAll, ledgerBytes } = history.columns;
          const kept = rows.map((row) => {
            const slot = history.slot(row);
            const sums = [hitsAll[slot], missesAll[slot]];
            return [history.stepOf(row), history.endMsOf(row), misses[slot * 2 + 1], ...sums, ledgerBytes[slot * 7]];
          });
          expect(kept).toEqual(rows.map((row) => [row, row, row % 1000, 3, row % 1000, row]));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('stays within its budget and says what it dropped', () => {
    const history = new RunHistory({ bytes: 300_000, spanMs: LONG });
    for (let i = 0; i < 50; i++) history.append(columns(steps(i * 100, 100)));
    expect(history.bytes).toBeLessThanOrEqual(300_000);
    expect(history.bytes).toBeGreaterThan(250_000);
    expect(history.droppedSteps).toBe(5000 - history.count);
  });

  it('grows from small: a short run does not take the whole budget', () => {
    const history = new RunHistory();
    history.append(columns(steps(0, 10)));
    expect(history.bytes).toBeLessThan(1_000_000);
    expect(history.budgetBytes).toBe(64 * 2 ** 20);
  });

  it('drops what is older than the span', () => {
    const history = new RunHistory({ bytes: 10_000_000, spanMs: 100 });
    history.append(columns(steps(0, 500)));
    expect(history.endMsOf(history.firstRow)).toBe(399);
    history.append(columns([{ step: 500, endMs: 10_000 }]));
    expect(history.count).toBe(1);
  });

  it('finds rows by time and by step, also where steps were left out', () => {
    const history = new RunHistory();
    history.append(
      columns([
        { step: 5, endMs: 10 },
        { step: 6, endMs: 20 },
        { step: 9, endMs: 30 },
      ]),
    );
    expect([9, 10, 11, 30, 31].map((ms) => history.rowAt(ms))).toEqual([0, 0, 1, 2, 3]);
    expect([4, 5, 6, 7, 9, 10].map((step) => history.rowOfStep(step))).toEqual([undefined, 0, 1, 2, 2, undefined]);
    expect([-5, 14, 16, 99].map((ms) => history.nearestRow(ms))).toEqual([0, 0, 1, 2]);
    expect(new RunHistory().nearestRow(5)).toBeUndefined();
  });

  it('forgets everything on reset and takes another shape after it', () => {
    const history = new RunHistory();
    history.append(columns(steps(0, 3)));
    expect(() => history.append(columns([{ endMs: 4 }], 3))).toThrow(RangeError);
    const { version, generation } = history;
    history.setMarks([{ step: 1, atMs: 1, label: 'a change', settings: {} as never }]);
    expect(history.version).toBeGreaterThan(version);
    history.reset();
    expect(history.generation).toBeGreaterThan(generation);
    expect([history.count, history.lastMs, history.marks.length]).toEqual([0, 0, 0]);
    history.append(columns([{ endMs: 4, inactive: [1, 2, 3] }], 3, 2));
    expect(history.shape).toEqual({ layers: 3, devices: 2 });
  });
});
