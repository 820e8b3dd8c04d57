import { useEffect, useRef } from 'react';
import type { StoreApi } from 'zustand/vanilla';
import { useStudio } from '../../app/context.tsx';
import { animationFrames } from '../../charts/animation_frames.ts';
import { type AxisScale, steadyScale } from '../../charts/axis_scale.ts';
import type { ChartTheme } from '../../charts/chart_theme.ts';
import type { ChartOption, LineSeriesOption, PixelSize } from '../../charts/echarts.ts';
import { gridOption, type PlotArea, type PlotMargins, plotArea, textWidth } from '../../charts/plot_area.ts';
import { type EndLabel, type OverlayCursor, PlotOverlay } from '../../charts/plot_overlay.ts';
import { timeTicks } from '../../charts/time_axis.ts';
import { useChart } from '../../charts/use_chart.ts';
import { agoText } from '../../format/time.ts';
import { type Points, type TimeWindow, timeWindow } from '../../stores/buckets.ts';
import type { RunHistory } from '../../stores/history.ts';
import type { Cursor, SelectionState } from '../../stores/selection.ts';
import { useLive, useRunNotes } from './live_context.ts';

/** Lines are read, not watched: four paints a second are enough for a curve that glides by a few pixels each. */
const PAINTS_PER_SECOND = 4;

export interface ValueLabel extends Omit<EndLabel, 'y'> {
  /** On the value axis. */
  readonly at: number;
}

export interface TimeDrawing {
  readonly scale: AxisScale;
  /** By series id. */
  readonly data: Readonly<Record<string, Points>>;
  readonly ends: readonly ValueLabel[];
}

export interface CursorReading {
  readonly text: string;
  readonly dots: readonly { readonly at: number; readonly colour: string }[];
}

export interface TimeChartProps {
  /** Key in `paintStats`. */
  readonly name: string;
  /** Says to those who do not see it what the chart shows. */
  readonly label: string;
  readonly margins: PlotMargins;
  series(theme: ChartTheme): LineSeriesOption[];
  formatValue(value: number, scale: AxisScale): string;
  draw(window: TimeWindow, size: PixelSize): TimeDrawing;
  /** What the cursor says of a step. */
  readAt(row: number): CursorReading;
}

interface Drawn {
  readonly area: PlotArea;
  readonly window: TimeWindow;
  readonly scale: AxisScale;
}

/** A chart over the run's time with marks of setting changes, labels at the curves' ends and the shared step cursor. */
export function TimeChart(props: TimeChartProps) {
  const { name, label, margins, series, formatValue } = props;
  const { bus, session, selection } = useStudio();
  const { span } = useLive();
  const notes = useRunNotes();
  const overlayElement = useRef<HTMLDivElement>(null);
  const emptyElement = useRef<HTMLDivElement>(null);
  const plotElement = useRef<HTMLDivElement>(null);
  const overlay = useRef<PlotOverlay>(undefined);
  const drawn = useRef<Drawn>(undefined);
  const pointerX = useRef<number>(undefined);
  const latest = useRef(props);
  latest.current = props;

  const { element, chart } = useChart({
    name,
    paintsPerSecond: PAINTS_PER_SECOND,
    skeleton: (theme) =>
      skeleton(theme, margins, series(theme), (value) =>
        formatValue(value, drawn.current?.scale ?? { min: 0, max: 1, interval: 1 }),
      ),
    paint(echart, size, theme) {
      const { history } = bus;
      const area = plotArea(size, margins);
      const window = timeWindow(history, span, area.width);
      const drawing = latest.current.draw(window, size);
      const scale = steadyScale(drawn.current?.scale, drawing.scale);
      drawn.current = { area, window, scale };
      echart.setOption(
        {
          xAxis: { min: window.fromMs - window.toMs, max: 0 },
          yAxis: { ...scale },
          series: Object.entries(drawing.data).map(([id, data]) => ({ id, data })),
        },
        { silent: true },
      );
      const reason = notes.empty();
      if (emptyElement.current !== null) {
        emptyElement.current.hidden = reason === undefined;
        emptyElement.current.textContent = reason ?? '';
      }
      const over = overlay.current;
      if (over === undefined) return;
      over.place(area);
      over.showTicks(reason === undefined ? timeTicks(window, area.width, notes.frozen() ?? 'now') : []);
      over.showEndLabels(drawing.ends.map((end) => ({ ...end, y: yOf({ area, window, scale }, end.at) })));
      over.showMarks(
        history.marks.map((mark) => ({
          x: xOf({ area, window, scale }, mark.atMs),
          text: mark.label,
          width: textWidth(mark.label, theme.font),
        })),
      );
      if (pointerX.current !== undefined) point(selection, history, drawn.current, pointerX.current);
      moveCursor.current();
    },
  });

  const moveCursor = useRef(() => {});
  moveCursor.current = () => {
    const over = overlay.current;
    const plot = plotElement.current;
    const shown = drawn.current;
    if (over === undefined || plot === null || shown === undefined) return;
    const { hover, pinned } = selection.getState();
    const cursors = (['pinned', 'hover'] as const).flatMap((kind) => {
      const cursor = cursorAt(shown, bus.history, kind === 'hover' ? hover : pinned, latest.current.readAt);
      return cursor === undefined ? [] : [{ kind, cursor }];
    });
    over.showCursors(cursors);
    tellSlider(plot, bus.history, hover.step ?? pinned?.step, latest.current.readAt);
  };

  // A change of what is drawn (span, device) does not wait for the next frame of telemetry.
  useEffect(() => chart.current?.markDirty());

  useEffect(() => {
    if (overlayElement.current !== null) overlay.current = new PlotOverlay(overlayElement.current);
    const cursor = animationFrames.add({
      name: 'cursor',
      stage: 'paint',
      minIntervalMs: 0,
      run: () => moveCursor.current(),
    });
    const repaint = () => chart.current?.markDirty();
    const stops = [
      bus.subscribe(repaint),
      session.subscribe(repaint),
      selection.subscribe(cursor.markDirty),
      cursor.dispose,
    ];
    return () => {
      for (const stop of stops) stop();
      overlayElement.current?.replaceChildren();
    };
  }, [bus, session, selection, chart]);

  return (
    <div
      ref={plotElement}
      className="plot"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={0}
      aria-valuenow={0}
      onPointerMove={(event) => {
        pointerX.current = event.clientX - event.currentTarget.getBoundingClientRect().left;
        if (drawn.current !== undefined) point(selection, bus.history, drawn.current, pointerX.current);
      }}
      onPointerLeave={() => {
        pointerX.current = undefined;
        selection.getState().setHover({});
      }}
      onClick={() => togglePin(selection)}
      onKeyDown={(event) => {
        if (drawn.current === undefined) return;
        if (moveByKey(event.key, event.shiftKey, selection, bus.history, drawn.current)) event.preventDefault();
      }}
    >
      <div ref={element} className="plot-canvas" />
      <div ref={overlayElement} className="plot-overlay" aria-hidden />
      <div ref={emptyElement} className="plot-empty" hidden />
    </div>
  );
}

function skeleton(
  theme: ChartTheme,
  margins: PlotMargins,
  series: LineSeriesOption[],
  format: (value: number) => string,
): ChartOption {
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 11 },
    grid: gridOption(margins),
    xAxis: { type: 'value', show: false, min: -1, max: 0 },
    yAxis: {
      type: 'value',
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: theme.axis, fontSize: 11, margin: 7, formatter: format },
      splitLine: { lineStyle: { color: theme.grid } },
    },
    series,
  };
}

const xOf = ({ area, window }: Drawn, ms: number): number =>
  ((ms - window.fromMs) / (window.toMs - window.fromMs)) * area.width;

const yOf = ({ area, scale }: Drawn, value: number): number =>
  Math.min(area.height, Math.max(0, (1 - (value - scale.min) / (scale.max - scale.min)) * area.height));

/** Puts the shared cursor on the step nearest to a pixel of the chart. */
function point(selection: StoreApi<SelectionState>, history: RunHistory, drawn: Drawn, pixel: number): void {
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

function cursorAt(
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
function tellSlider(
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
function moveByKey(
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
