import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HIGH, LOW, MIDDLE, meanSeries, ratioSeries, stackSeries } from '../../src-renderer/stores/bucket_kinds.ts';
import { type BucketSeries, extentOf, lastOf, pointsOf, timeWindow } from '../../src-renderer/stores/buckets.ts';
import { RunHistory } from '../../src-renderer/stores/history.ts';
import { columns, type StepExample } from './live_example.ts';

const missRates = (history: RunHistory) =>
  ratioSeries(
    history,
    (slot) => history.columns.missesAll[slot] ?? 0,
    (slot) => (history.columns.missesAll[slot] ?? 0) + (history.columns.hitsAll[slot] ?? 0),
  );

const steady = (count: number, change: (i: number) => Partial<StepExample> = () => ({})): StepExample[] =>
  Array.from({ length: count }, (_, i) => ({
    step: i,
    endMs: (i + 1) * 10,
    durationMs: 10,
    hits: [9, 0],
    misses: [1, 0],
    ...change(i),
  }));

const historyOf = (examples: readonly StepExample[], devices = 1) => {
  const history = new RunHistory();
  history.append(columns(examples, 2, devices));
  return history;
};

const plain = (series: BucketSeries) => series.buckets.map(({ from, to, endMs }) => ({ from, to, endMs }));

describe('timeWindow', () => {
  it('has one bucket for two pixels of a fixed span', () => {
    expect(timeWindow(historyOf(steady(100)), 60_000, 400)).toEqual({ fromMs: -59_000, toMs: 1000, bucketMs: 300 });
  });

  it('covers the whole run with buckets that only ever double', () => {
    const sizes = [200, 900, 4000].map((count) => timeWindow(historyOf(steady(count)), 'all', 100).bucketMs);
    for (const size of sizes) expect(Math.log2(size)).toBe(Math.round(Math.log2(size)));
    expect(sizes).toEqual([64, 256, 1024]);
  });
});

describe('BucketSeries', () => {
  it('gives the same buckets step by step as all at once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gap: fc.integer({ min: 1, max: 3000 }), misses: fc.nat(9) }), {
          minLength: 1,
          maxLength: 60,
        }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom<number | 'all'>(2000, 20_000, 'all'),
        (gaps, chunk, span) => {
          let ms = 0;
          const examples = gaps.map(({ gap, misses }, step): StepExample => {
            ms += gap;
            return { step, endMs: ms, durationMs: 1, hits: [9 - misses, 0], misses: [misses, 0] };
          });
          const history = new RunHistory({ bytes: 20_000, spanMs: 30_000 });
          const series = missRates(history);
          for (let i = 0; i < examples.length; i += chunk) {
            history.append(columns(examples.slice(i, i + chunk)));
            series.update(timeWindow(history, span, 40));
          }
          const window = timeWindow(history, span, 40);
          const fresh = missRates(history);
          fresh.update(window);
          // The oldest bucket may hold steps that the ring has dropped since: it was measured when they were there.
          const tail = (all: BucketSeries) => plain(all).filter(({ from }) => from > (fresh.buckets.at(0)?.to ?? 0));
          expect(tail(series)).toEqual(tail(fresh));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keeps complete buckets unchanged while the window moves', () => {
    const history = historyOf(steady(500));
    const series = missRates(history);
    series.update(timeWindow(history, 2000, 40));
    const before = series.buckets.slice(2, -1);
    history.append(columns(steady(30, (i) => ({ step: 500 + i, endMs: 5000 + (i + 1) * 10 }))));
    series.update(timeWindow(history, 2000, 40));
    for (const bucket of before.slice(3)) expect(series.buckets).toContain(bucket);
  });

  it('starts anew after a reset, although rows are numbered from 0 again', () => {
    const history = historyOf(steady(50));
    const series = missRates(history);
    series.update(timeWindow(history, 1000, 40));
    history.reset();
    history.append(columns(steady(60, () => ({ hits: [0, 0], misses: [5, 0] }))));
    series.update(timeWindow(history, 1000, 40));
    expect(extentOf(series, MIDDLE)).toEqual({ lowest: 1, highest: 1 });
  });

  it('leaves the newest bucket out until it has half the steps of the one before', () => {
    const history = historyOf(steady(99, (i) => (i > 97 ? { hits: [0, 0], misses: [9, 0] } : {})));
    const series = missRates(history);
    series.update({ fromMs: 0, toMs: 990, bucketMs: 490 });
    expect(lastOf(series, MIDDLE)).toBeCloseTo(0.1);
  });

  it('breaks a curve at a pause, not at a slow step', () => {
    const paused = historyOf([
      { step: 0, endMs: 10, durationMs: 10, hits: [1], misses: [0] },
      { step: 1, endMs: 5000, durationMs: 10, hits: [1], misses: [0] },
    ]);
    const slow = historyOf([
      { step: 0, endMs: 10, durationMs: 10, hits: [1], misses: [0] },
      { step: 1, endMs: 5000, durationMs: 4990, hits: [1], misses: [0] },
    ]);
    const breaks = (history: RunHistory) => {
      const series = missRates(history);
      const window = timeWindow(history, 60_000, 400);
      series.update(window);
      return pointsOf(series, window, MIDDLE).filter(Number.isNaN).length;
    };
    expect(breaks(paused)).toBe(1);
    expect(breaks(slow)).toBe(0);
  });
});

describe('what a bucket shows', () => {
  it('a ratio of sums, with its extreme steps', () => {
    const history = historyOf([
      { step: 0, endMs: 10, hits: [10, 0], misses: [0, 0] },
      { step: 1, endMs: 20, hits: [0, 0], misses: [0, 0] },
      { step: 2, endMs: 30, hits: [1, 0], misses: [1, 0] },
    ]);
    const series = missRates(history);
    series.update({ fromMs: 0, toMs: 30, bucketMs: 1000 });
    const values = series.buckets.at(-1)?.values;
    expect([values?.[LOW], values?.[MIDDLE], values?.[HIGH]]).toEqual([0, 1 / 12, 0.5]);
  });

  it('a mean weighted with tokens', () => {
    const history = historyOf(
      [
        { step: 0, endMs: 10, tokens: 30, shares: [0.5, 0.5] },
        { step: 1, endMs: 20, tokens: 10, shares: [0.9, 0.1] },
      ],
      2,
    );
    const series = meanSeries(
      history,
      2,
      (slot, device) => history.columns.deviceShare[slot * 2 + device] ?? 0,
      (slot) => history.columns.tokens[slot] ?? 0,
    );
    series.update({ fromMs: 0, toMs: 20, bucketMs: 1000 });
    expect(lastOf(series, 0)).toBeCloseTo(0.6);
    expect(lastOf(series, 1)).toBeCloseTo(0.4);
  });

  it('one whole step where parts are stacked, the one with the highest total: no spike is lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(1000), { minLength: 7, maxLength: 7 }), { minLength: 1, maxLength: 300 }),
        (ledgers) => {
          const history = historyOf(ledgers.map((ledger, i) => ({ step: i, endMs: i * 10, ledger: [ledger] })));
          const series = stackSeries(history, 7, (slot, part) => history.columns.ledgerBytes[slot * 7 + part] ?? 0);
          const window = timeWindow(history, 'all', 20);
          series.update(window);
          const totals = ledgers.map((ledger) => ledger.reduce((a, b) => a + b, 0));
          const shown = series.buckets.map(({ values }) => Array.from(values ?? []));
          for (const values of shown) {
            const parts = values.slice(0, 7);
            expect(ledgers).toContainEqual(parts);
            expect(values[7]).toBe(parts.reduce((a, b) => a + b, 0));
          }
          const newest = series.buckets.at(-1)?.to ?? 0;
          expect(Math.max(...shown.map((values) => values[7] ?? 0))).toBe(Math.max(...totals.slice(0, newest)));
        },
      ),
      { numRuns: 60 },
    );
  });
});
