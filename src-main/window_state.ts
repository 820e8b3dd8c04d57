import { z } from 'zod';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where the window was, and how large before it was maximised. CSS pixels. */
export const WindowState = z.object({
  bounds: z.object({ x: z.int(), y: z.int(), width: z.int().positive(), height: z.int().positive() }),
  maximized: z.boolean(),
  fullScreen: z.boolean(),
});
export type WindowState = z.infer<typeof WindowState>;

export const SMALLEST_WINDOW = { width: 1024, height: 680 } as const;
const FIRST_WINDOW = { width: 1440, height: 900 } as const;
/** So much of the title bar must be on a display that the window can be seen and dragged. */
const VISIBLE = { width: 120, height: 40 } as const;

/**
 * Bounds for a new window: the remembered ones where they can still be reached, otherwise centred on the primary display.
 * Displays come and go between sessions, so what was remembered may lie on none of them now.
 * @param workAreas of all displays, the primary one first
 */
export function placeWindow(
  remembered: WindowState | undefined,
  workAreas: readonly [Rectangle, ...Rectangle[]],
): Rectangle {
  const [primary] = workAreas;
  const bounds = remembered?.bounds;
  if (bounds !== undefined) {
    const places = workAreas.map((area) => ({ area, place: { ...bounds, ...clampSize(bounds, area) } }));
    const reachable = places.find(({ area, place }) => canBeReached(place, area));
    if (reachable !== undefined) return reachable.place;
  }
  const { width, height } = clampSize(bounds ?? FIRST_WINDOW, primary);
  return {
    x: primary.x + Math.round((primary.width - width) / 2),
    y: primary.y + Math.round((primary.height - height) / 2),
    width,
    height,
  };
}

function canBeReached(bounds: Rectangle, area: Rectangle): boolean {
  const right = Math.min(bounds.x + bounds.width, area.x + area.width);
  const seenWidth = right - Math.max(bounds.x, area.x);
  return seenWidth >= VISIBLE.width && bounds.y >= area.y && bounds.y + VISIBLE.height <= area.y + area.height;
}

/** No larger than the display, no smaller than the layout allows. */
function clampSize(size: { width: number; height: number }, area: Rectangle): { width: number; height: number } {
  return {
    width: Math.max(SMALLEST_WINDOW.width, Math.min(size.width, area.width)),
    height: Math.max(SMALLEST_WINDOW.height, Math.min(size.height, area.height)),
  };
}
