import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bestRow,
  loadAxis,
  measureAxis,
  onAxis,
  thinned,
} from '../../../src-renderer/views/placement/placement_layout.ts';
import { CONTIGUOUS, LEVELLED, PLACEMENT } from './placement_example.ts';

describe('loadAxis', () => {
  it('begins at the even share, holds every value and keeps its ticks apart', () => {
    const devices = fc.integer({ min: 2, max: 16 });
    fc.assert(
      fc.property(devices, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (count, parts) => {
        const even = 1 / count;
        const shares = parts.map((part) => even + part * (1 - even));
        const axis = loadAxis(shares, count);
        expect(axis.min).toBe(even);
        expect(axis.max).toBeGreaterThanOrEqual(Math.max(...shares) - 1e-9);
        expect(axis.max).toBeLessThanOrEqual(1);
        const places = axis.ticks.map((tick) => onAxis(axis, tick));
        places.forEach((place, i) => {
          expect(place).toBeLessThanOrEqual(1);
          expect(place - (places[i - 1] ?? 0)).toBeGreaterThan(0.2);
        });
        expect(places.length).toBeLessThanOrEqual(3);
      }),
    );
  });

  it('puts the history and the scored half of a measure on one axis', () => {
    const axis = measureAxis(PLACEMENT, 'average');
    expect(onAxis(axis, 0.25)).toBe(0);
    expect(onAxis(axis, CONTIGUOUS.avgMaxLoad)).toBeGreaterThan(onAxis(axis, LEVELLED.avgMaxLoad));
    expect(measureAxis(PLACEMENT, 'max').max).toBeGreaterThanOrEqual(0.6);
  });
});

describe('thinned', () => {
  it('keeps the mean of what it joins, in at most the given number of points', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 500 }),
        fc.integer({ min: 1, max: 60 }),
        (values, most) => {
          const { values: points, perPoint } = thinned(values, most);
          expect(points.length).toBeLessThanOrEqual(most);
          const last = values.length - (points.length - 1) * perPoint;
          const sum = points.reduce((all, value, i) => all + value * (i === points.length - 1 ? last : perPoint), 0);
          expect(sum).toBeCloseTo(
            values.reduce((a, b) => a + b, 0),
            6,
          );
        },
      ),
    );
  });
});

describe('bestRow', () => {
  it('is the most even on the half that was not seen', () => {
    expect(bestRow(PLACEMENT.rows)).toBe(LEVELLED);
    expect(bestRow([])).toBeUndefined();
  });
});
