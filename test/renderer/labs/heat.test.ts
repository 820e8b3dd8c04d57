import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COLOURS, colourIndex, type Rgb, rampColour } from '../../../src-renderer/charts/colour_map.ts';
import { axisNumbers, cellAt, cellBox, rowRuns } from '../../../src-renderer/charts/heat_geometry.ts';
import { movedCell } from '../../../src-renderer/charts/moved_cell.ts';

/** Lightness of OKLab, 0..1, from sRGB: written from the definition, not shared with the map. */
function lightness([r, g, b]: Rgb): number {
  const linear = (channel: number) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const [lr, lg, lb] = [linear(r), linear(g), linear(b)];
  const l = Math.cbrt(0.4122214708 * lr + 0.5363325363 * lg + 0.0514459929 * lb);
  const m = Math.cbrt(0.2119034982 * lr + 0.6806995451 * lg + 0.1073969566 * lb);
  const s = Math.cbrt(0.0883024619 * lr + 0.2817188376 * lg + 0.6299787005 * lb);
  return 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
}

describe('colour map', () => {
  it.each(['dark', 'light'] as const)('of the %s theme goes in even steps of lightness, one way only', (theme) => {
    const levels = Array.from({ length: 17 }, (_, i) => lightness(rampColour(theme, i / 16)));
    const steps = levels.slice(1).map((level, i) => level - (levels[i] ?? 0));
    const mean = ((levels.at(-1) ?? 0) - (levels[0] ?? 0)) / 16;
    expect(Math.abs(mean)).toBeGreaterThan(0.035);
    expect(mean > 0).toBe(theme === 'dark');
    for (const step of steps) {
      expect(step / mean).toBeGreaterThan(0.75);
      expect(step / mean).toBeLessThan(1.25);
    }
  });

  it('tells something from nothing, and the highest from the rest', () => {
    expect(colourIndex(0, 1000)).toBe(0);
    expect(colourIndex(1, 1000)).toBeGreaterThan(8);
    expect(colourIndex(1000, 1000)).toBe(COLOURS - 1);
    expect(colourIndex(5, 0)).toBe(0);
  });
});

const shape = fc
  .record({ rows: fc.integer({ min: 1, max: 70 }), columns: fc.integer({ min: 1, max: 300 }) })
  .chain(({ rows, columns }) =>
    fc
      .constantFrom<readonly number[]>([], rows > 1 ? [Math.ceil(rows / 2)] : [])
      .map((breaks) => ({ rows, columns, breaks })),
  );

const AREA = { left: 40, top: 4, width: 700, height: 300 };

describe('heat map', () => {
  it('finds every cell where it paints it', () => {
    fc.assert(
      fc.property(shape, fc.nat(), fc.nat(), (heat, r, c) => {
        const row = r % heat.rows;
        const column = c % heat.columns;
        const box = cellBox(heat, AREA, row, column);
        expect(cellAt(heat, AREA, box.x + box.width / 2, box.y + box.height / 2)).toEqual({ row, column });
        expect(box.y + box.height).toBeLessThanOrEqual(AREA.top + AREA.height + 1e-6);
      }),
    );
  });

  it('has no cell in the gap between encoder and decoder, nor beside the map', () => {
    const heat = { rows: 4, columns: 8, breaks: [2] };
    const last = cellBox(heat, AREA, 1, 0);
    expect(cellAt(heat, AREA, last.x + 1, last.y + last.height + 3)).toBeUndefined();
    expect(cellAt(heat, AREA, AREA.left - 1, last.y + 1)).toBeUndefined();
    expect(cellAt(heat, AREA, AREA.left + 1, AREA.top - 1)).toBeUndefined();
    expect(rowRuns(heat)).toEqual([
      [0, 2],
      [2, 4],
    ]);
  });

  it('is walked by keys and never left', () => {
    const heat = { rows: 3, columns: 10 };
    expect(movedCell(undefined, 'ArrowDown', 1, heat)).toEqual({ row: 0, column: 0 });
    expect(movedCell({ row: 0, column: 0 }, 'ArrowDown', 1, heat)).toEqual({ row: 1, column: 0 });
    expect(movedCell({ row: 1, column: 5 }, 'ArrowRight', 8, heat)).toEqual({ row: 1, column: 9 });
    expect(movedCell({ row: 1, column: 5 }, 'ArrowUp', 8, heat)).toEqual({ row: 0, column: 5 });
    expect(movedCell({ row: 1, column: 5 }, 'End', 1, heat)).toEqual({ row: 1, column: 9 });
    expect(movedCell({ row: 1, column: 5 }, 'q', 1, heat)).toBeUndefined();
  });

  it('numbers its axis by powers of two, with room for each number', () => {
    expect(axisNumbers(64, 11, 44)).toEqual([0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60]);
    expect(axisNumbers(256, 2.7, 44)).toEqual([0, 32, 64, 96, 128, 160, 192, 224]);
  });
});
