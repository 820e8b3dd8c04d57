import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteScale, shareScale, steadyScale, topShareScale } from '../../src-renderer/charts/axis_scale.ts';
import { layOutLabels, layOutMarks } from '../../src-renderer/charts/label_layout.ts';

const HEIGHT = 14;

describe('layOutLabels', () => {
  const labels = fc.array(fc.record({ at: fc.double({ min: -20, max: 220, noNaN: true }), weight: fc.nat(9) }), {
    maxLength: 20,
  });

  it('never lets labels overlap or leave the column, and keeps their order', () => {
    fc.assert(
      fc.property(labels, (wanted) => {
        const placed = layOutLabels(wanted, HEIGHT, 200).flatMap((at, index) =>
          at === undefined ? [] : [{ at, index }],
        );
        const sorted = [...placed].sort((a, b) => a.at - b.at);
        sorted.forEach(({ at, index }, i) => {
          expect(at).toBeGreaterThanOrEqual(HEIGHT / 2 - 1e-6);
          expect(at).toBeLessThanOrEqual(200 - HEIGHT / 2 + 1e-6);
          const before = sorted[i - 1];
          if (before === undefined) return;
          expect(at - before.at).toBeGreaterThanOrEqual(HEIGHT - 1e-6);
          expect(wanted[index]?.at).toBeGreaterThanOrEqual(wanted[before.index]?.at ?? 0);
        });
      }),
    );
  });

  it('shows as many as there is room for, the heaviest', () => {
    fc.assert(
      fc.property(labels, (wanted) => {
        const placed = layOutLabels(wanted, HEIGHT, 70);
        const shown = wanted.filter((_, i) => placed[i] !== undefined);
        const hidden = wanted.filter((_, i) => placed[i] === undefined);
        expect(shown.length).toBe(Math.min(5, wanted.length));
        expect(Math.min(...shown.map((l) => l.weight), 9)).toBeGreaterThanOrEqual(
          Math.max(...hidden.map((l) => l.weight), 0),
        );
      }),
    );
  });

  it('leaves labels where they belong when they do not touch, and shares the shift when they do', () => {
    const at = (...positions: number[]) => positions.map((p) => ({ at: p, weight: 1 }));
    expect(layOutLabels(at(20, 60, 100), HEIGHT, 200)).toEqual([20, 60, 100]);
    expect(layOutLabels(at(100, 100), HEIGHT, 200)).toEqual([93, 107]);
  });
});

describe('layOutMarks', () => {
  it('covers neither lines nor other labels, and gives the newest mark its label', () => {
    const marks = fc.array(fc.record({ at: fc.nat(400), width: fc.integer({ min: 10, max: 200 }) }), { maxLength: 12 });
    fc.assert(
      fc.property(marks, (unsorted) => {
        const wanted = unsorted.sort((a, b) => a.at - b.at).filter((mark, i, all) => mark.at !== all[i - 1]?.at);
        const placed = layOutMarks(wanted, 400, 4, 480);
        expect(placed.map(({ index }) => index)).toEqual(wanted.map((_, i) => i));
        const spans = placed.flatMap(({ label }) => (label === undefined ? [] : [label]));
        for (const { left, width } of spans) {
          expect(left).toBeGreaterThanOrEqual(0);
          expect(left + width).toBeLessThanOrEqual(480);
          for (const { at } of wanted) expect(at <= left - 4 || at >= left + width + 4).toBe(true);
        }
        const sorted = [...spans].sort((a, b) => a.left - b.left);
        sorted.forEach((span, i) => {
          const before = sorted[i - 1];
          if (before !== undefined) expect(span.left).toBeGreaterThanOrEqual(before.left + before.width + 4);
        });
        if (wanted.length > 0) expect(placed.at(-1)?.label).toBeDefined();
      }),
    );
  });

  it('leaves out marks beside the plot and shortens what does not fit', () => {
    expect(layOutMarks([{ at: -3, width: 20 }], 100, 4)).toEqual([]);
    expect(layOutMarks([{ at: 50, width: 300 }], 100, 4)).toEqual([{ index: 0 }]);
    expect(layOutMarks([{ at: 40, width: 300 }], 100, 4)).toEqual([{ index: 0, label: { left: 44, width: 56 } }]);
  });
});

describe('axis scales', () => {
  const MIB = 2 ** 20;

  it('bytes have whole lines in their unit', () => {
    expect(byteScale(96 * MIB)).toEqual({ min: 0, max: 96 * MIB, interval: 32 * MIB });
    expect(byteScale(1.9 * MIB)).toEqual({ min: 0, max: 2 * MIB, interval: 0.5 * MIB });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (highest) => {
        const { max, interval } = byteScale(highest);
        expect(max).toBeGreaterThanOrEqual(highest);
        expect(max / interval).toBeLessThanOrEqual(4);
      }),
    );
  });

  it('shares start as high as the lowest allows', () => {
    expect([1, 0.97, 0.86, 0.7, 0.2].map((lowest) => topShareScale(lowest).min)).toEqual([0.98, 0.95, 0.8, 0.5, 0]);
    expect([0.1, 0.3, 0.6, 1].map((highest) => shareScale(highest).max)).toEqual([0.25, 0.5, 1, 1]);
  });

  it('do not jump to and fro at a boundary', () => {
    const wide = topShareScale(0.79);
    const fine = topShareScale(0.86);
    const down = (lowest: number) => ({ lowest, highest: 1 });
    expect(steadyScale(undefined, fine, down(0.86))).toBe(fine);
    expect(steadyScale(wide, fine, down(0.86))).toBe(fine);
    expect(topShareScale(0.805)).toEqual(wide);
    expect(steadyScale(fine, topShareScale(0.805), down(0.805))).toBe(fine);
    expect(steadyScale(fine, wide, down(0.79))).toBe(wide);
    expect(steadyScale(byteScale(4 * MIB), byteScale(3.9 * MIB), { lowest: 0, highest: 3.9 * MIB }).max).toBe(4 * MIB);
  });
});
