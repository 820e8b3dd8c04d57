import type { StoreApi } from 'zustand/vanilla';
import type { AxisScale } from '../../charts/axis_scale.ts';
import type { PlotArea } from '../../charts/plot_area.ts';
import type { OverlayCursor } from '../../charts/plot_overlay.ts';
import { agoText } from '../../format/time.ts';
import type { TimeWindow } from '../../stores/buckets.ts';
import type { RunHistory } from '../../stores/history.ts';
import type { Cursor, SelectionState } from '../../stores/selection.ts';

/** The shared step cursor as one time chart sees it: from pixel to step, from step to pixel, and by keyboard. */

export interface CursorReading {
  readonly text: string;
  readonly dots: readonly { readonly at: number; readonly colour: string }[];
}

/** What the last paint put where. */
export interface Drawn {
  readonly area: PlotArea;
  readonly window: TimeWindow;
  readonly scale: AxisScale;
}

export const xOf = ({ area, window }: Drawn, ms: number): number =>
  ((ms - window.fromMs) / (window.toMs - window.fromMs)) * area.width;

export const yOf = ({ area, scale }: Drawn, value: number): number =>
  Math.min(area.height, Math.max(0, (1 - (value - scale.min) / (scale.max - scale.min)) * area.height));

/** Puts the shared cursor on the step nearest to a pixel of the chart. */
export function point(selection: StoreApi<SelectionState>, history: RunHistory, drawn: Drawn, pixel: number): void {
  const { area, window } = drawn;
  const share = Math.min(1, Math.max(0, (pixel - area.left) / area.width));
  const row = history.nearestRow(window.fromMs + share * (window.toMs - window.fromMs));
  if (row !== undefined) selection.getState().setHover({ step: history.stepOf(row) });
}

export function togglePin(selection: StoreApi<SelectionState>): void {
  const { hover, pinned, pin } = selection.getState();
  const isSame = pinned !== undefined && pinned.step === hover.step && pinned.layer === hover.layer;
  pin(isSame || Object.keys(hover).length === 0 ? undefined : hover);
}

export function cursorAt(
  drawn: Drawn,
  history: RunHistory,
  cursor: Cursor | undefined,
  readAt: (row: number) => CursorReading,
): OverlayCursor | undefined {
  const row = cursor?.step === undefined ? undefined : history.rowOfStep(cursor.step);
  if (row === undefined) return undefined;
  const ms = history.endMsOf(row);
  if (ms < drawn.window.fromMs) return undefined;
  const { text, dots } = readAt(row);
  return {
    x: xOf(drawn, ms),
    text: `${agoText(ms - drawn.window.toMs)}  ${text}`,
    dots: dots.map(({ at, colour }) => ({ y: yOf(drawn, at), colour })),
  };
}

/** The cursor in the terms of a slider, which is what it is to a keyboard and to a screen reader. */
export function tellSlider(
  plot: HTMLElement,
  history: RunHistory,
  step: number | undefined,
  readAt: (row: number) => CursorReading,
): void {
  if (history.count === 0 || document.activeElement !== plot) return;
  const row = (step === undefined ? undefined : history.rowOfStep(step)) ?? history.endRow - 1;
  const values = {
    'aria-valuemin': String(history.stepOf(history.firstRow)),
    'aria-valuemax': String(history.stepOf(history.endRow - 1)),
    'aria-valuenow': String(history.stepOf(row)),
    'aria-valuetext': step === undefined ? 'no step chosen' : `step ${history.stepOf(row)}: ${readAt(row).text}`,
  };
  for (const [name, value] of Object.entries(values)) {
    if (plot.getAttribute(name) !== value) plot.setAttribute(name, value);
  }
}

/** Arrows move by what one bucket shows, with Shift by ten; Enter pins, Escape lets go. True when the key was used. */
export function moveByKey(
  key: string,
  fast: boolean,
  selection: StoreApi<SelectionState>,
  history: RunHistory,
  { window }: Drawn,
): boolean {
  const { hover, pinned, setHover, pin } = selection.getState();
  if (key === 'Enter') {
    togglePin(selection);
    return true;
  }
  if (key === 'Escape') {
    if (hover.step === undefined && pinned === undefined) return false;
    setHover({});
    pin(undefined);
    return true;
  }
  if (history.count === 0) return false;
  const first = history.rowAt(window.fromMs);
  const last = history.endRow - 1;
  const step = hover.step ?? pinned?.step;
  const row = (step === undefined ? undefined : history.rowOfStep(step)) ?? last;
  const reachMs = window.bucketMs * (fast ? 10 : 1);
  const target = {
    ArrowLeft: Math.min(row - 1, (history.nearestRow(history.endMsOf(row) - reachMs) ?? row) as number),
    ArrowRight: Math.max(row + 1, (history.nearestRow(history.endMsOf(row) + reachMs) ?? row) as number),
    Home: first,
    End: last,
  }[key];
  if (target === undefined) return false;
  setHover({ step: history.stepOf(Math.min(last, Math.max(first, target))) });
  return true;
}
