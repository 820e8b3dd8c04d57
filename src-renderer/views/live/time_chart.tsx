import { useEffect, useRef } from 'react';
import { useStudio } from '../../app/context.tsx';
import { animationFrames } from '../../charts/animation_frames.ts';
import { type AxisScale, steadyScale, type ValueRange } from '../../charts/axis_scale.ts';
import type { ChartTheme } from '../../charts/chart_theme.ts';
import type { ChartOption, LineSeriesOption, PixelSize } from '../../charts/echarts.ts';
import { chartMargins, gridOption, plotArea, textWidth } from '../../charts/plot_area.ts';
import { type EndLabel, PlotOverlay } from '../../charts/plot_overlay.ts';
import { timeTicks } from '../../charts/time_axis.ts';
import { useChart } from '../../charts/use_chart.ts';
import { type Points, type TimeWindow, timeWindow } from '../../stores/buckets.ts';
import { useLive, useRunNotes } from './live_context.ts';
import {
  type CursorReading,
  cursorAt,
  type Drawn,
  moveByKey,
  point,
  tellSlider,
  togglePin,
  xOf,
  yOf,
} from './step_cursor.ts';

/** Lines are read, not watched: four paints a second are enough for a curve that glides by a few pixels each. */
const PAINTS_PER_SECOND = 4;

export interface ValueLabel extends Omit<EndLabel, 'y'> {
  /** On the value axis. */
  readonly at: number;
}

export interface TimeDrawing {
  readonly scale: AxisScale;
  /** What the scale must hold. */
  readonly values: ValueRange;
  /** By series id. */
  readonly data: Readonly<Record<string, Points>>;
  readonly ends: readonly ValueLabel[];
}

export interface TimeChartProps {
  /** Key in `paintStats`. */
  readonly name: string;
  /** Says to those who do not see it what the chart shows. */
  readonly label: string;
  series(theme: ChartTheme): LineSeriesOption[];
  formatValue(value: number, scale: AxisScale): string;
  draw(window: TimeWindow, size: PixelSize): TimeDrawing;
  /** What the cursor says of a step. */
  readAt(row: number): CursorReading;
}

/** A chart over the run's time with marks of setting changes, labels at the curves' ends and the shared step cursor. */
export function TimeChart(props: TimeChartProps) {
  const { name, label, series, formatValue } = props;
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
      skeleton(theme, series(theme), (value) =>
        formatValue(value, drawn.current?.scale ?? { min: 0, max: 1, interval: 1 }),
      ),
    paint(echart, size, theme) {
      const { history } = bus;
      const margins = chartMargins(size);
      const area = plotArea(size, margins);
      const window = timeWindow(history, span, area.width);
      const drawing = latest.current.draw(window, size);
      const scale = steadyScale(drawn.current?.scale, drawing.scale, drawing.values);
      drawn.current = { area, window, scale };
      echart.setOption(
        {
          grid: gridOption(margins),
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
      over.place(area, margins.right);
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
    // Two texts below the axis would cover each other: the pinned one gives way to the one that moves.
    over.showCursors(cursors.length === 2 ? cursors.map(withoutPinnedText) : cursors);
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
      onFocus={() => moveCursor.current()}
      onBlur={() => {
        if (pointerX.current === undefined) selection.getState().setHover({});
      }}
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

type ShownCursor = Parameters<PlotOverlay['showCursors']>[0][number];

const withoutPinnedText = (shown: ShownCursor): ShownCursor =>
  shown.kind === 'hover' ? shown : { kind: 'pinned', cursor: { ...shown.cursor, text: '' } };

function skeleton(theme: ChartTheme, series: LineSeriesOption[], format: (value: number) => string): ChartOption {
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 11 },
    grid: { outerBoundsMode: 'none' },
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
