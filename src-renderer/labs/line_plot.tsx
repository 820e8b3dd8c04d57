import { memo, type ReactNode, useState } from 'react';
import { textWidth } from '../inspector/curve_layout.ts';
import { placeEnds } from './line_ends.ts';
import {
  nearestIndex,
  type PlotFrame,
  plotScale,
  type Scale,
  tickPlaces,
  type ValueAxis,
  valueAxis,
} from './plot_scale.ts';
import { type Size, useSize } from './use_size.ts';

export interface PlotLine {
  readonly id: string;
  readonly title: string;
  /** A CSS variable. */
  readonly colour: string;
  /** By x; null where there is no value (it does not fit, it was not measured). */
  readonly y: readonly (number | null)[];
  /** The line a person's own setting is on. */
  readonly isMain?: boolean;
  /** A bound and not a thing that can be had. */
  readonly isDashed?: boolean;
  /** Stays longest where labels have no room; absent: 0. */
  readonly weight?: number;
}

export interface PlotMark {
  readonly x: number;
  readonly text: string;
}

export interface LinePlotProps {
  /** Says to those who do not see it what the plot shows. */
  readonly label: string;
  readonly xs: readonly number[];
  readonly xScale: 'linear' | 'log';
  /** Written at the end of the axis: "slots". */
  readonly xUnit: string;
  readonly lines: readonly PlotLine[];
  readonly formatX?: (x: number) => string;
  /** For the axis. */
  readonly formatTick: (y: number, axis: ValueAxis) => string;
  /** For labels and the reading at the cursor. */
  readonly formatValue: (y: number) => string;
  readonly yMax?: number;
  /** Index into `xs`. */
  readonly pinned: number | undefined;
  readonly onPin: (index: number | undefined) => void;
  /** Vertical marks with a label at the foot of the plot. */
  readonly marks?: readonly PlotMark[];
  /** A region to the right of an x that cannot be had. */
  readonly beyond?: { readonly x: number; readonly text: string };
  /** Tinted between two lines. */
  readonly between?: { readonly upper: string; readonly lower: string; readonly colour: string };
  /** Measured points. */
  readonly dots?: readonly { readonly x: number; readonly y: number; readonly text: string; readonly colour: string }[];
}

const LABEL_PX = 16;
const LEADER_PX = 22;
const TOP_PX = 20;
const BOTTOM_PX = 24;

/**
 * Lines over sizes, with their names where they end. The cursor reads all lines at one x; a click (Enter) pins it, arrows move it,
 * Escape lets go. The plot is drawn again on new data only; the cursor is a layer of its own.
 */
export function LinePlot(props: LinePlotProps) {
  const { xs, lines, label, pinned, onPin, formatValue, formatX = String, xUnit } = props;
  const { element, size } = useSize<HTMLDivElement>();
  const [hover, setHover] = useState<number>();
  const [lit, setLit] = useState<string>();
  const frame = frameOf(size, props);
  const axis = valueAxis(props.yMax ?? Math.max(0, ...lines.flatMap(({ y }) => y.map((value) => value ?? 0))));
  const scale = plotScale(xs, props.xScale, axis.max, frame);
  const at = hover ?? pinned;
  const indexAt = (clientX: number) =>
    nearestIndex(xs, scale.x, clientX - (element.current?.getBoundingClientRect().left ?? 0));
  const move = (to: number) => setHover(Math.min(xs.length - 1, Math.max(0, to)));
  const x = at === undefined ? undefined : xs[at];
  return (
    <div
      ref={element}
      className="plot line-plot"
      role="slider"
      tabIndex={0}
      aria-label={`${label}. Arrow keys move the cursor, Enter pins it.`}
      aria-orientation="horizontal"
      aria-valuemin={xs[0]}
      aria-valuemax={xs.at(-1)}
      aria-valuenow={x ?? xs[0]}
      aria-valuetext={
        at === undefined || x === undefined
          ? 'nothing chosen'
          : reading(lines, at, `${formatX(x)} ${xUnit}`, formatValue)
      }
      onPointerMove={(event) => setHover(indexAt(event.clientX))}
      onPointerLeave={() => setHover(undefined)}
      onClick={(event) => onPin(indexAt(event.clientX))}
      onBlur={() => setHover(undefined)}
      onKeyDown={(event) => {
        const from = at ?? 0;
        const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: xs.length - 1 }[event.key];
        if (to !== undefined) move(to);
        else if (event.key === 'Enter' && at !== undefined) onPin(at);
        else if (event.key === 'Escape' && hover !== undefined) setHover(undefined);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {size.width > 0 && (
        <svg width={size.width} height={size.height} aria-hidden>
          <Body {...props} frame={frame} scale={scale} axis={axis} lit={lit} />
          <Cursor {...props} frame={frame} scale={scale} at={at} isPinned={hover === undefined} />
          <Ends {...props} frame={frame} scale={scale} at={at ?? xs.length - 1} onLight={setLit} />
        </svg>
      )}
    </div>
  );
}

interface Drawn extends LinePlotProps {
  readonly frame: PlotFrame;
  readonly scale: Scale;
}

function frameOf({ width, height }: Size, { lines, formatValue, yMax }: LinePlotProps): PlotFrame {
  const highest = yMax ?? Math.max(0, ...lines.flatMap(({ y }) => y.map((value) => value ?? 0)));
  const names = Math.max(0, ...lines.map(({ title }) => textWidth(title)));
  const values = textWidth(formatValue(highest));
  const right = Math.min(width * 0.42, LEADER_PX + 8 + names + 10 + values + 12);
  return { left: 40, right: Math.max(80, width - right), top: TOP_PX, bottom: Math.max(60, height - BOTTOM_PX) };
}

/** Everything but cursor and labels. */
const Body = memo(
  function Body({ frame, scale, axis, lit, ...props }: Drawn & { readonly axis: ValueAxis; readonly lit?: string }) {
    const { xs, lines, formatTick, formatX = String, xUnit, marks = [], beyond, between, dots = [] } = props;
    const tickWidth = (x: number) => textWidth(formatX(x));
    const unitLeft = frame.right - textWidth(xUnit);
    const ticks = tickPlaces(xs, scale.x, tickWidth);
    const last = ticks.at(-1);
    return (
      <g>
        {axis.ticks.map((tick) => (
          <g key={tick}>
            <line className="lp-grid" x1={frame.left} x2={frame.right} y1={scale.y(tick)} y2={scale.y(tick)} />
            <text className="lp-tick" x={frame.left - 8} y={scale.y(tick) + 4} textAnchor="end">
              {formatTick(tick, axis)}
            </text>
          </g>
        ))}
        {ticks.map((x) => (
          <text key={x} className="lp-tick" x={scale.x(x)} y={frame.bottom + 17} textAnchor="middle">
            {formatX(x)}
          </text>
        ))}
        <text
          className="lp-tick"
          x={frame.right + (last === undefined ? 0 : tickWidth(last) / 2 + 8)}
          y={frame.bottom + 17}
        >
          {unitLeft < 0 ? '' : xUnit}
        </text>
        {beyond !== undefined && <Beyond {...beyond} frame={frame} scale={scale} />}
        {between !== undefined && <Between {...between} xs={xs} lines={lines} scale={scale} />}
        {marks.map(({ x, text }) => (
          <g key={text}>
            <line className="lp-mark" x1={scale.x(x)} x2={scale.x(x)} y1={frame.top} y2={frame.bottom} />
            <text className="lp-label" {...beside(scale.x(x), text, frame)} y={frame.top - 6}>
              {text}
            </text>
          </g>
        ))}
        {[...lines]
          .sort((a, b) => order(a, lit) - order(b, lit))
          .map((line) => (
            <path
              key={line.id}
              className="lp-line"
              data-main={line.isMain}
              data-dashed={line.isDashed}
              data-lit={line.id === lit}
              style={{ stroke: `var(${line.colour})` }}
              d={pathOf(xs, line.y, scale)}
            />
          ))}
        {dots.map(({ x, y, text, colour }) => (
          <g key={text}>
            <circle className="lp-dot" cx={scale.x(x)} cy={scale.y(y)} r={4.5} style={{ stroke: `var(${colour})` }} />
            <title>{text}</title>
          </g>
        ))}
      </g>
    );
  },
  (a, b) =>
    a.lines === b.lines &&
    a.lit === b.lit &&
    a.marks === b.marks &&
    a.beyond?.x === b.beyond?.x &&
    a.between?.upper === b.between?.upper &&
    a.dots === b.dots &&
    a.frame.right === b.frame.right &&
    a.frame.bottom === b.frame.bottom,
);

const order = (line: PlotLine, lit: string | undefined) => (line.id === lit ? 2 : 0) + (line.isMain ? 1 : 0);

/** Text beside a vertical line: on its right, or on its left where that would leave the plot. */
const beside = (x: number, text: string, { right }: PlotFrame) =>
  x + 4 + textWidth(text) > right ? { x: x - 4, textAnchor: 'end' as const } : { x: x + 4 };

function Beyond({
  x,
  text,
  frame,
  scale,
}: {
  readonly x: number;
  readonly text: string;
  readonly frame: PlotFrame;
  readonly scale: Scale;
}): ReactNode {
  const from = Math.max(frame.left, scale.x(x));
  if (from >= frame.right) return null;
  return (
    <g>
      <rect className="lp-beyond" x={from} y={frame.top} width={frame.right - from} height={frame.bottom - frame.top} />
      {frame.right - from > textWidth(text) + 8 && (
        <text className="lp-label" x={frame.right - 4} y={frame.top + 14} textAnchor="end">
          {text}
        </text>
      )}
    </g>
  );
}

function Between({
  upper,
  lower,
  colour,
  xs,
  lines,
  scale,
}: NonNullable<LinePlotProps['between']> & Pick<Drawn, 'xs' | 'lines' | 'scale'>) {
  const of = (id: string) => lines.find((line) => line.id === id)?.y ?? [];
  const points = (y: readonly (number | null)[]) =>
    xs.map((x, i) => `${scale.x(x).toFixed(1)},${scale.y(y[i] ?? 0).toFixed(1)}`);
  return (
    <polygon
      className="lp-between"
      style={{ fill: `var(${colour})` }}
      points={[...points(of(upper)), ...points(of(lower)).reverse()].join(' ')}
    />
  );
}

function pathOf(xs: readonly number[], ys: readonly (number | null)[], scale: Scale): string {
  let pen = 'M';
  return xs
    .map((x, i) => {
      const y = ys[i] ?? null;
      if (y === null) {
        pen = 'M';
        return '';
      }
      const step = `${pen}${scale.x(x).toFixed(1)} ${scale.y(y).toFixed(1)}`;
      pen = 'L';
      return step;
    })
    .join('');
}

function Cursor({
  xs,
  lines,
  formatX = String,
  frame,
  scale,
  at,
  isPinned,
}: Drawn & { readonly at: number | undefined; readonly isPinned: boolean }) {
  const x = at === undefined ? undefined : xs[at];
  if (at === undefined || x === undefined) return null;
  const text = formatX(x);
  const width = textWidth(text) + 12;
  return (
    <g className="lp-cursor" data-kind={isPinned ? 'pinned' : 'hover'}>
      <line x1={scale.x(x)} x2={scale.x(x)} y1={frame.top} y2={frame.bottom} />
      <rect x={scale.x(x) - width / 2} y={frame.bottom + 4} width={width} height={18} rx={4} />
      <text x={scale.x(x)} y={frame.bottom + 17} textAnchor="middle">
        {text}
      </text>
      {lines.map((line) => {
        const y = line.y[at] ?? null;
        if (y === null) return null;
        return (
          <circle
            key={line.id}
            cx={scale.x(x)}
            cy={scale.y(y)}
            r={line.isMain ? 4.5 : 2.8}
            style={{ fill: `var(${line.colour})` }}
          />
        );
      })}
    </g>
  );
}

/** Names where the lines end, and their values at the cursor. */
function Ends({
  xs,
  lines,
  formatValue,
  frame,
  scale,
  at,
  onLight,
}: Drawn & { readonly at: number; readonly onLight: (id: string | undefined) => void }) {
  const ends = lines.flatMap((line) => {
    const last = lastIndex(line.y);
    if (last < 0) return [];
    const mean = line.y.reduce<number>((sum, y) => sum + (y ?? 0), 0);
    return [
      {
        id: line.id,
        y: scale.y(line.y[last] ?? 0) - frame.top,
        rank: mean,
        weight: (line.isMain ? 100 : 0) + (line.weight ?? 0),
      },
    ];
  });
  const placed = placeEnds(ends, LABEL_PX, frame.bottom - frame.top);
  const values = lines.map(({ y }) => (y[at] === null || y[at] === undefined ? '–' : formatValue(y[at])));
  const nameLeft = frame.right + LEADER_PX + 8;
  const names = Math.max(0, ...lines.map(({ title }) => textWidth(title)));
  const valueRight = nameLeft + names + 10 + Math.max(0, ...values.map(textWidth));
  return (
    <g>
      {placed.map(({ id, at: middle, y }) => {
        const index = lines.findIndex((line) => line.id === id);
        const line = lines[index];
        if (line === undefined) return null;
        const endX = scale.x(xs[lastIndex(line.y)] ?? 0);
        const labelY = frame.top + middle;
        return (
          <g
            key={id}
            className="lp-end"
            data-main={line.isMain}
            onPointerEnter={() => onLight(id)}
            onPointerLeave={() => onLight(undefined)}
          >
            <rect
              className="lp-hit"
              x={frame.right + 2}
              y={labelY - LABEL_PX / 2}
              width={valueRight - frame.right}
              height={LABEL_PX}
            />
            <path
              className="lp-leader"
              data-dashed={line.isDashed}
              style={{ stroke: `var(${line.colour})` }}
              d={`M${endX + 2} ${frame.top + y} C${frame.right + 12} ${frame.top + y} ${frame.right + 10} ${labelY} ${frame.right + LEADER_PX} ${labelY} h4`}
            />
            <text x={nameLeft} y={labelY + 4}>
              {line.title}
            </text>
            <text className="lp-end-value" x={valueRight} y={labelY + 4} textAnchor="end">
              {values[index]}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function lastIndex(ys: readonly (number | null)[]): number {
  for (let i = ys.length - 1; i >= 0; i--) if ((ys[i] ?? null) !== null) return i;
  return -1;
}

/** All lines at one x, in words: "24 slots: LRU 25.1%, MIN 13.4%". */
function reading(lines: readonly PlotLine[], at: number, where: string, format: (y: number) => string): string {
  const values = lines.flatMap(({ title, y }) =>
    y[at] === null || y[at] === undefined ? [] : [`${title} ${format(y[at])}`],
  );
  return `${where}: ${values.join(', ')}`;
}
