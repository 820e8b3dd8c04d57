import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeWindow, type Rectangle, SMALLEST_WINDOW, WindowState } from '../../src-main/window_state.ts';

const LAPTOP: Rectangle = { x: 0, y: 25, width: 1920, height: 1055 };
const BESIDE: Rectangle = { x: 1920, y: 0, width: 2560, height: 1440 };

const remembered = (bounds: Rectangle): WindowState => ({ bounds, maximized: false, fullScreen: false });

describe('placeWindow', () => {
  it('centres the first window on the primary display', () => {
    expect(placeWindow(undefined, [LAPTOP, BESIDE])).toEqual({ x: 240, y: 103, width: 1440, height: 900 });
  });

  it('puts a window back where it was, on any display', () => {
    const bounds = { x: 2000, y: 50, width: 1500, height: 1000 };
    expect(placeWindow(remembered(bounds), [LAPTOP, BESIDE])).toEqual(bounds);
  });

  it('brings a window home from a display that was unplugged, with its size', () => {
    const bounds = { x: 2000, y: 50, width: 1500, height: 1000 };
    expect(placeWindow(remembered(bounds), [LAPTOP])).toEqual({ x: 210, y: 53, width: 1500, height: 1000 });
  });

  it('does not leave a title bar above the work area, where nobody can grab it', () => {
    const { y } = placeWindow(remembered({ x: 100, y: -30, width: 1200, height: 700 }), [LAPTOP]);
    expect(y).toBeGreaterThanOrEqual(LAPTOP.y);
  });

  it('always gives a window that can be seen, grabbed and read', () => {
    const coordinate = fc.integer({ min: -10_000, max: 10_000 });
    const size = fc.integer({ min: 1, max: 20_000 });
    const rectangle = fc.record({ x: coordinate, y: coordinate, width: size, height: size });
    fc.assert(
      fc.property(rectangle, (bounds) => {
        const areas = [LAPTOP, BESIDE] as const;
        const placed = placeWindow(remembered(bounds), areas);
        expect(placed.width).toBeGreaterThanOrEqual(SMALLEST_WINDOW.width);
        expect(placed.height).toBeGreaterThanOrEqual(SMALLEST_WINDOW.height);
        const reachable = areas.some(
          (area) =>
            placed.y >= area.y &&
            placed.y < area.y + area.height &&
            placed.x < area.x + area.width &&
            placed.x + placed.width > area.x,
        );
        expect(reachable).toBe(true);
      }),
    );
  });
});

describe('WindowState', () => {
  it('refuses what a damaged file may hold', () => {
    for (const bounds of [{ x: 0, y: 0, width: 0, height: 10 }, { x: '0', y: 0, width: 9, height: 9 }, null]) {
      expect(WindowState.safeParse({ bounds, maximized: false, fullScreen: false }).success).toBe(false);
    }
  });
});
