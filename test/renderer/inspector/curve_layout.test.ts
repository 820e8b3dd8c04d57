import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CURVE_FRAME,
  curvePoints,
  curveScale,
  overlaps,
  placeInLanes,
  placeNear,
} from '../../../src-renderer/inspector/curve_layout.ts';
import { missCurve } from './miss_curve_example.ts';

describe('placeInLanes', () => {
  it('never lets labels meet or leave the width', () => {
    const labels = fc.array(
      fc.record({
        text: fc.constantFrom('one step 21', 'twice 42', 'does not fit'),
        x: fc.integer({ min: 0, max: 286 }),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(labels, (wanted) => {
        const placed = placeInLanes(wanted, 286, 2).filter((label) => label !== undefined);
        placed.forEach((label, i) => {
          expect(label.x).toBeGreaterThanOrEqual(0);
          expect(label.x + label.width).toBeLessThanOrEqual(286);
          for (const other of placed.slice(i + 1)) expect(overlaps(label, other)).toBe(false);
        });
      }),
    );
  });

  it('keeps a label where there is room for it', () => {
    const [a, b] = placeInLanes(
      [
        { text: 'one', x: 100 },
        { text: 'two', x: 110 },
      ],
      286,
      2,
    );
    expect(a?.y).toBeGreaterThan(b?.y ?? Number.POSITIVE_INFINITY);
  });
});

describe('placeNear', () => {
  const plot = { x: 0, y: CURVE_FRAME.top, width: CURVE_FRAME.width, height: CURVE_FRAME.bottom - CURVE_FRAME.top };

  it('stays inside, off the curve and off what is there already', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.double({ min: 0.5, max: 8, noNaN: true }), (slots, steep) => {
        const curve = missCurve({ rate: (s) => Math.exp((-steep * (s - 1)) / 16) });
        const scale = curveScale(curve, 64);
        const line = curvePoints(curve, scale);
        const point = line[slots - 1] ?? { x: 0, y: 0 };
        const taken = [{ x: 245, y: CURVE_FRAME.top, width: 33, height: 13 }];
        const label = placeNear('8.3% measured', point, taken, line, plot);
        if (label === undefined) return;
        expect(taken.some((box) => overlaps(box, label))).toBe(false);
        expect(label.x >= plot.x && label.x + label.width <= plot.x + plot.width).toBe(true);
        expect(label.y >= plot.y && label.y + label.height <= plot.y + plot.height).toBe(true);
        for (const { x, y } of line) {
          expect(x > label.x && x < label.x + label.width && y > label.y && y < label.y + label.height).toBe(false);
        }
      }),
    );
  });

  it('finds a place on an ordinary curve', () => {
    const curve = missCurve({ rate: (s) => 0.62 * Math.exp((-4.2 * (s - 1)) / 64) });
    const line = curvePoints(curve, curveScale(curve, 64));
    for (const slots of [8, 24, 40, 64]) {
      expect(placeNear('8.3% measured', line[slots - 1] ?? { x: 0, y: 0 }, [], line, plot)).toBeDefined();
    }
  });
});

it('ends the axis at a round rate not below the curve', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1, noNaN: true }), (highest) => {
      const { top } = curveScale(missCurve({ rate: () => highest }), 64);
      expect(top).toBeGreaterThanOrEqual(Math.fround(highest) - 1e-9);
      expect(top).toBeLessThanOrEqual(1);
    }),
  );
});
