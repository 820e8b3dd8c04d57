/** Places marks and labels of the miss curve so that no text meets another text, the curve or the edge. Pure: pixels in, pixels out. */
import type { MissCurve } from '../../engine/protocol/telemetry.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Label extends Box {
  readonly text: string;
}

export const TEXT_HEIGHT = 13;
const GAP = 4;

/** Room that a text of the interface face takes at 11 px, on the safe side: digits are tabular, spaces narrow. */
export function textWidth(text: string): number {
  let width = 0;
  for (const letter of text) width += letter === ' ' ? 3.4 : /[0-9%MWmw×]/.test(letter) ? 7.2 : 6;
  return width;
}

export const overlaps = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

export interface LaneLabel {
  readonly text: string;
  /** What the label belongs to: its middle is put above this, or as near as the edges allow. */
  readonly x: number;
}

/**
 * Labels over vertical marks, in `lanes` rows above the plot. Each goes to the lowest row where it is free; one that fits in
 * none is left out (its mark stays, and the text under the slider names it).
 */
export function placeInLanes(labels: readonly LaneLabel[], width: number, lanes: number): (Label | undefined)[] {
  const placed: Label[] = [];
  return labels.map(({ text, x }) => {
    const own = textWidth(text);
    const left = Math.min(Math.max(0, x - own / 2), width - own);
    for (let lane = lanes - 1; lane >= 0; lane--) {
      const label = { text, x: left, y: lane * TEXT_HEIGHT, width: own, height: TEXT_HEIGHT };
      const padded = { ...label, x: left - GAP, width: own + 2 * GAP };
      if (placed.some((other) => overlaps(padded, other))) continue;
      placed.push(label);
      return label;
    }
    return undefined;
  });
}

/** A label near `point`: right above it if that is free, else left above, else higher up. Undefined where nothing is free. */
export function placeNear(
  text: string,
  point: Point,
  taken: readonly Box[],
  line: readonly Point[],
  bounds: Box,
): Label | undefined {
  const width = textWidth(text);
  for (const rise of [0, 1, 2, 3, 4]) {
    for (const x of [point.x + 8, point.x - 8 - width, point.x - width / 2]) {
      const label = { text, x, y: point.y - 8 - TEXT_HEIGHT - rise * 8, width, height: TEXT_HEIGHT };
      const padded = { ...label, x: x - 3 * GAP, width: width + 6 * GAP };
      if (isInside(label, bounds) && !taken.some((box) => overlaps(padded, box)) && !crosses(line, label)) return label;
    }
  }
  return undefined;
}

const isInside = (box: Box, bounds: Box) =>
  box.x >= bounds.x &&
  box.y >= bounds.y &&
  box.x + box.width <= bounds.x + bounds.width &&
  box.y + box.height <= bounds.y + bounds.height;

/** Whether a polyline that runs from left to right passes through the box. */
function crosses(line: readonly Point[], box: Box): boolean {
  for (let i = 1; i < line.length; i++) {
    const a = line[i - 1];
    const b = line[i];
    if (a === undefined || b === undefined || b.x < box.x || a.x > box.x + box.width) continue;
    const at = (x: number) => (b.x === a.x ? b.y : a.y + ((x - a.x) / (b.x - a.x)) * (b.y - a.y));
    const y0 = at(Math.max(a.x, box.x));
    const y1 = at(Math.min(b.x, box.x + box.width));
    if (Math.max(y0, y1) >= box.y - 2 && Math.min(y0, y1) <= box.y + box.height + 2) return true;
  }
  return false;
}

/** Plot geometry: the slider's track below uses the same left and right, so that its thumb stands under the curve's point. */
export interface CurveFrame {
  readonly width: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export const CURVE_FRAME: CurveFrame = { width: 286, left: 8, right: 278, top: 2 * TEXT_HEIGHT + 4, bottom: 124 };

export interface CurveScale {
  readonly x: (slots: number) => number;
  readonly y: (missRate: number) => number;
  /** Highest value of the axis and its half, 0..1. */
  readonly top: number;
}

/** The axis ends at the next "round" rate above the curve's highest point: 1, 2, 5 or 10 times a power of ten. */
export function curveScale(curve: MissCurve, most: number, frame: CurveFrame = CURVE_FRAME): CurveScale {
  const highest = Math.max(curve.measured.missRate, ...curve.missRate, 0.01);
  const power = 10 ** Math.floor(Math.log10(highest));
  const top = Math.min(1, ([1, 2, 4, 6, 8, 10].find((step) => step * power >= highest) ?? 10) * power);
  const { left, right, bottom } = frame;
  return {
    top,
    x: (slots) => left + ((slots - 1) / Math.max(1, most - 1)) * (right - left),
    y: (missRate) => bottom - (Math.min(missRate, top) / top) * (bottom - frame.top),
  };
}

export function curvePoints(curve: MissCurve, scale: CurveScale): Point[] {
  return Array.from(curve.slots, (slots, i) => ({ x: scale.x(slots), y: scale.y(curve.missRate[i] ?? 0) }));
}
