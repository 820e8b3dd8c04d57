import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeEnds } from '../../../src-renderer/labs/line_ends.ts';
import {
  evenTicks,
  logAxis,
  nearestIndex,
  plotScale,
  tickPlaces,
  valueAxis,
} from '../../../src-renderer/labs/plot_scale.ts';

const FRAME = { left: 40, right: 440, top: 10, bottom: 210 };

describe('valueAxis', () => {
  it('ends at or just above the highest value, at a whole number of steps', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (highest) => {
        const { max, ticks } = valueAxis(highest);
        expect(max).toBeGreaterThanOrEqual(highest * 0.999);
        expect(max).toBeLessThanOrEqual(highest * 2.5);
        expect(ticks[0]).toBe(0);
        expect(ticks.at(-1)).toBeCloseTo(max, 8);
        expect(ticks.length).toBeGreaterThanOrEqual(3);
        expect(ticks.length).toBeLessThanOrEqual(6);
      }),
    );
  });

  it('has an axis for nothing', () => {
    expect(valueAxis(0)).toEqual({ max: 1, ticks: [0, 1] });
  });
});

describe('logAxis', () => {
  it('holds its values between round ends, with few ticks', () => {
    const value = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const lowest = Math.min(a, b);
        const highest = Math.max(a, b);
        const { min = 0, max, ticks } = logAxis(lowest, highest);
        expect(min).toBeGreaterThan(0);
        expect(min).toBeLessThanOrEqual(lowest);
        expect(max).toBeGreaterThanOrEqual(highest);
        expect(max).toBeGreaterThan(min);
        expect([...ticks].sort((c, d) => c - d)).toEqual(ticks);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(12);
      }),
    );
  });

  it('ends at 1, 2 or 5 times a power of ten where the range is narrow', () => {
    expect(logAxis(18, 420)).toEqual({ min: 10, max: 500, ticks: [10, 20, 50, 100, 200, 500] });
  });
});

describe('plotScale', () => {
  it('gives every factor the same room on a logarithmic y axis', () => {
    const { y } = plotScale([0, 1], 'linear', 1000, FRAME, 1);
    expect([1, 10, 100, 1000].map((value) => Math.round(y(value) * 1e6) / 1e6)).toEqual([
      210,
      ...[1, 2].map((step) => Math.round((210 - (step * 200) / 3) * 1e6) / 1e6),
      10,
    ]);
  });

  it('gives every doubling the same room when logarithmic', () => {
    const { x } = plotScale([1, 2, 4, 8, 16], 'log', 1, FRAME);
    expect([1, 2, 4, 8, 16].map(x)).toEqual([40, 140, 240, 340, 440]);
  });

  it('finds the index whose place is nearest', () => {
    const xs = [1, 8, 9, 64];
    const { x } = plotScale(xs, 'linear', 1, FRAME);
    xs.forEach((value, index) => {
      expect(nearestIndex(xs, x, x(value) + 1)).toBe(index);
    });
  });
});

describe('tickPlaces', () => {
  it('never lets two texts touch, and keeps the ends', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 512 }), { minLength: 2, maxLength: 40 }), (values) => {
        const xs = [...values].sort((a, b) => a - b);
        const { x } = plotScale(xs, 'log', 1, FRAME);
        const shown = tickPlaces(xs, x, () => 20);
        expect(shown[0]).toBe(xs[0]);
        shown.forEach((value, index) => {
          const next = shown[index + 1];
          if (next !== undefined) expect(x(next) - x(value)).toBeGreaterThanOrEqual(30 - 1e-9);
        });
      }),
    );
  });
});

describe('placeEnds', () => {
  const ends = fc.array(
    fc.record({
      y: fc.double({ min: 0, max: 200, noNaN: true }),
      rank: fc.double({ min: 0, max: 1, noNaN: true }),
      weight: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 20 },
  );

  it('keeps labels apart, inside, and in the order of their lines', () => {
    fc.assert(
      fc.property(ends, (list) => {
        const placed = placeEnds(
          list.map((end, index) => ({ ...end, id: String(index) })),
          16,
          200,
        );
        placed.forEach(({ at, y }, index) => {
          expect(at).toBeGreaterThanOrEqual(-1e-9);
          expect(at).toBeLessThanOrEqual(200 + 1e-9);
          const next = placed[index + 1];
          if (next === undefined) return;
          expect(next.at - at).toBeGreaterThanOrEqual(16 - 1e-6);
          expect(next.y).toBeGreaterThanOrEqual(y);
        });
      }),
    );
  });

  it('fans out lines that meet in one point in the order they had before', () => {
    const placed = placeEnds(
      [
        { id: 'low', y: 190, rank: 0.1, weight: 0 },
        { id: 'high', y: 190, rank: 0.5, weight: 0 },
        { id: 'middle', y: 190, rank: 0.3, weight: 0 },
      ],
      16,
      200,
    );
    expect(placed.map(({ id }) => id)).toEqual(['high', 'middle', 'low']);
  });
});

describe('evenTicks', () => {
  it('takes every n-th value, as many as have room', () => {
    const xs = Array.from({ length: 40 }, (_, i) => i * 3 + 1);
    const ticks = evenTicks(
      xs,
      (x) => x * 4,
      () => 12,
    );
    expect(ticks).toEqual(xs.filter((_, i) => i % 5 === 0));
  });

  it('never lets two texts meet', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 600 }), (length, plot) => {
        const xs = Array.from({ length }, (_, i) => i);
        const place = (x: number) => (x / length) * plot;
        const width = (x: number) => String(x).length * 7;
        const ticks = evenTicks(xs, place, width);
        expect(ticks[0]).toBe(0);
        for (let i = 1; i < ticks.length; i++) {
          const [before = 0, after = 0] = [ticks[i - 1], ticks[i]];
          expect(place(after) - width(after) / 2).toBeGreaterThan(place(before) + width(before) / 2);
        }
      }),
    );
  });
});
