import { useCallback, useEffect, useMemo, useRef } from 'react';
import { useStudio } from '../app/context.tsx';
import type { Cursor } from '../stores/selection.ts';
import { animationFrames } from './animation_frames.ts';
import { onThemeChange } from './chart_theme.ts';
import { axisNumbers, cellAt, cellBox, type HeatArea, type HeatShape } from './heat_geometry.ts';
import { movedCell } from './moved_cell.ts';
import { paintHeat } from './paint_heat.ts';
import { useSize } from './use_size.ts';

export interface HeatMapProps extends HeatShape {
  /** Says to those who do not see it what the map shows. */
  readonly label: string;
  /** Pixel of a cell; asked for every cell on every paint, so it must be cheap. A new function paints anew. */
  readonly makeColour: () => (row: number, column: number) => number;
  readonly rowTicks: readonly { readonly row: number; readonly text: string }[];
  readonly columnTitle: string;
  /** The cell that the window's cursor points at, and the cursor for a cell. */
  readonly cellOf: (cursor: Cursor) => { readonly row?: number; readonly column?: number };
  readonly cursorOf: (row: number, column: number) => Cursor;
  readonly read: (row: number, column: number) => string;
  /** Ringed while the cursor points nowhere. */
  readonly shown?: { readonly row: number; readonly column: number };
  readonly onChoose: (row: number, column: number) => void;
}

const LEFT_PX = 48;
const RIGHT_PX = 12;
const TOP_PX = 7;
const BOTTOM_PX = 22;

/**
 * Cells painted as one image: tens of thousands of them cost a millisecond, where a drawn element each would cost a hundred.
 * Arrows move the cell cursor (with Shift by eight), Enter or a click chooses. The cursor is the window's own, so that other charts show it too.
 */
export function HeatMap(props: HeatMapProps) {
  const { label, rows, columns, breaks, makeColour, rowTicks, columnTitle } = props;
  const { selection } = useStudio();
  const { element, size } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const ring = useRef<HTMLDivElement>(null);
  const spoken = useRef<HTMLSpanElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = useMemo((): HeatShape => ({ rows, columns, breaks }), [rows, columns, breaks]);
  const area = useMemo(
    (): HeatArea => ({
      left: LEFT_PX,
      top: TOP_PX,
      width: Math.max(1, size.width - LEFT_PX - RIGHT_PX),
      height: Math.max(1, size.height - TOP_PX - BOTTOM_PX),
    }),
    [size],
  );

  useEffect(() => {
    const paint = () => {
      if (canvas.current !== null && size.width > 0) paintHeat(canvas.current, size, shape, area, makeColour());
    };
    paint();
    return onThemeChange(paint);
  }, [size, shape, area, makeColour]);

  const cellNow = useCallback(() => {
    const { hover, pinned } = selection.getState();
    const of = (cursor: Cursor) => {
      const { row, column } = latest.current.cellOf(cursor);
      return row === undefined || column === undefined ? undefined : { row, column };
    };
    return of(hover) ?? (pinned === undefined ? undefined : of(pinned)) ?? latest.current.shown;
  }, [selection]);

  const { shown } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shown` moves the ring, by way of `latest`
  useEffect(() => {
    const move = animationFrames.add({
      name: 'heat map cursor',
      stage: 'paint',
      minIntervalMs: 0,
      run: () => {
        if (ring.current === null) return;
        const cell = cellNow();
        const isInside = cell !== undefined && cell.row < shape.rows && cell.column < shape.columns;
        ring.current.hidden = !isInside;
        if (!isInside) return;
        const box = cellBox(shape, area, cell.row, cell.column);
        // At least a few pixels, so that the ring of a tiny cell can be seen.
        const width = Math.max(7, box.width + 3);
        const height = Math.max(7, box.height + 3);
        ring.current.style.transform = `translate(${box.x + box.width / 2 - width / 2}px, ${box.y + box.height / 2 - height / 2}px)`;
        ring.current.style.width = `${width}px`;
        ring.current.style.height = `${height}px`;
      },
    });
    move.markDirty();
    const stop = selection.subscribe(move.markDirty);
    return () => {
      stop();
      move.dispose();
    };
  }, [selection, shape, area, cellNow, shown?.row, shown?.column]);

  const point = (row: number, column: number) => selection.getState().setHover(props.cursorOf(row, column));
  const perColumn = area.width / Math.max(1, columns);
  return (
    <div
      ref={element}
      className="plot heat-map"
      role="application"
      aria-roledescription="heat map"
      aria-label={`${label}. Arrow keys move between cells, Enter opens one.`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes arrow keys
      tabIndex={0}
      onPointerMove={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const cell = cellAt(shape, area, event.clientX - box.left, event.clientY - box.top);
        if (cell === undefined) selection.getState().setHover({});
        else point(cell.row, cell.column);
      }}
      onPointerLeave={() => selection.getState().setHover({})}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const cell = cellAt(shape, area, event.clientX - box.left, event.clientY - box.top);
        if (cell !== undefined) props.onChoose(cell.row, cell.column);
      }}
      onBlur={() => selection.getState().setHover({})}
      onKeyDown={(event) => {
        const cell = cellNow();
        if (event.key === 'Enter' && cell !== undefined) {
          props.onChoose(cell.row, cell.column);
          event.preventDefault();
          return;
        }
        const next = movedCell(cell, event.key, event.shiftKey ? 8 : 1, shape);
        if (next === undefined) return;
        event.preventDefault();
        point(next.row, next.column);
        if (spoken.current !== null) spoken.current.textContent = props.read(next.row, next.column);
      }}
    >
      <canvas ref={canvas} aria-hidden />
      {size.width > 0 && (
        <svg width={size.width} height={size.height} aria-hidden>
          {rowTicks.map(({ row, text }) => {
            const box = cellBox(shape, area, row, 0);
            return (
              <text key={row} className="heat-tick" x={LEFT_PX - 8} y={box.y + box.height / 2 + 4} textAnchor="end">
                {text}
              </text>
            );
          })}
          {axisNumbers(columns, perColumn, 44).map((column) => (
            <text
              key={column}
              className="heat-tick"
              x={LEFT_PX + (column + 0.5) * perColumn}
              y={size.height - 6}
              textAnchor="middle"
            >
              {column}
            </text>
          ))}
          <text className="heat-tick" x={LEFT_PX - 8} y={size.height - 6} textAnchor="end">
            {columnTitle}
          </text>
        </svg>
      )}
      <div ref={ring} className="heat-ring" hidden />
      <span ref={spoken} className="visually-hidden" aria-live="polite" />
    </div>
  );
}
