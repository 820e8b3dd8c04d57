import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOT_RUN } from '../../engine/protocol/telemetry.ts';
import { BlockSums } from '../../src-renderer/stores/block_sums.ts';
import { RunHistory } from '../../src-renderer/stores/history.ts';
import { idleSpread } from '../../src-renderer/stores/idle_spread.ts';
import { columns } from './live_example.ts';

const examples = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const step = from + i;
    return {
      step,
      endMs: step * 10,
      tokens: 1 + (step % 7),
      // The first layer is an encoder's, which runs in every fourth step.
      inactive: [step % 4 === 0 ? step % 5 : NOT_RUN, step % 11],
      hits: [step % 13, 1],
      misses: [step % 3, 0],
      shares: [(step % 10) / 10, 1 - (step % 10) / 10],
      peaks: [100 + (step % 50), 90],
      ledger: [[60, 30], [80]],
    };
  });

describe('BlockSums', () => {
  it('equals the sum over the steps for every range, also after the ring has dropped some', () => {
    const history = new RunHistory({ bytes: 400_000, spanMs: Number.POSITIVE_INFINITY });
    const sums = new BlockSums(history);
    for (let from = 0; from < 6000; from += 500) history.append(columns(examples(from, 500), 2, 2));
    expect(history.firstRow).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => {
        const [from = 0, to = 0] = [a, b]
          .map((n) => history.firstRow + (n % (history.count + 1)))
          .sort((x, y) => x - y);
        const rows = examples(from, to - from);
        const add = (pick: (row: (typeof rows)[number]) => number) => rows.reduce((sum, row) => sum + pick(row), 0);
        const total = sums.over(from, to);
        expect(total.steps).toBe(to - from);
        expect(Array.from(total.misses)).toEqual([add((row) => row.misses[0] ?? 0), 0]);
        expect(Array.from(total.hits)).toEqual([add((row) => row.hits[0] ?? 0), to - from]);
        const ran = (row: (typeof rows)[number]) => row.step % 4 === 0;
        expect(Array.from(total.layerSteps)).toEqual([add((row) => (ran(row) ? 1 : 0)), to - from]);
        expect(Array.from(total.inactive)).toEqual([
          add((row) => (ran(row) ? row.step % 5 : 0)),
          add((row) => row.inactive[1] ?? 0),
        ]);
        expect(total.sharedTokens[0]).toBeCloseTo(
          add((row) => row.tokens * (row.shares[0] ?? 0)),
          3,
        );
        expect(total.peakBytes[0]).toBe(Math.max(0, ...rows.map((row) => row.peaks[0] ?? 0)));
        expect(total.riseBytes[0]).toBe(add((row) => (row.peaks[0] ?? 0) - 90));
        expect(total.maxShareSum).toBeCloseTo(
          add((row) => Math.max(...row.shares)),
          3,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('does not carry sums of one run into the next', () => {
    const history = new RunHistory();
    const sums = new BlockSums(history);
    history.append(columns(examples(0, 1000), 2, 2));
    sums.over(0, 1000);
    history.reset();
    history.append(columns(Array.from({ length: 1000 }, (_, i) => ({ step: i, endMs: i, hits: [2, 2] }))));
    expect(Array.from(sums.over(0, 1000).hits)).toEqual([2000, 2000]);
  });
});

describe('idleSpread', () => {
  it('is where the middle 90% of steps lie', () => {
    const history = new RunHistory();
    history.append(columns(Array.from({ length: 101 }, (_, i) => ({ step: i, endMs: i, inactive: [i % 101, 7] }))));
    expect(idleSpread(history, 0, 101, 128)).toEqual([
      { low: 5, high: 95 },
      { low: 7, high: 7 },
    ]);
    expect(idleSpread(history, 5, 5, 128)).toEqual([]);
  });

  it('stays near when it looks at every nth of many steps', () => {
    const history = new RunHistory();
    const examples = Array.from({ length: 40_000 }, (_, i) => ({ step: i, endMs: i, inactive: [(i * 37) % 101, 0] }));
    history.append(columns(examples));
    const [spread] = idleSpread(history, 0, 40_000, 128);
    expect(spread?.low).toBeGreaterThanOrEqual(4);
    expect(spread?.low).toBeLessThanOrEqual(6);
    expect(spread?.high).toBeGreaterThanOrEqual(94);
    expect(spread?.high).toBeLessThanOrEqual(96);
  });
});
