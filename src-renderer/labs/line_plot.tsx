import './line_plot.css';
import './plot_axes.css';
import { useState } from 'react';
import { type Size, useSize } from '../charts/use_size.ts';
import { textWidth } from '../inspector/curve_layout.ts';
import { Body } from './line_plot_body.tsx';
import { Cursor, Ends, LEADER_PX, Ticks, UNDER_PX } from './line_plot_overlay.tsx';
import { nearestIndex, type PlotFrame, plotScale, type Scale, type ValueAxis, valueAxis } from './plot_scale.ts';

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
  /** Absent: from zero to a round value above the highest. */
  readonly yAxis?: ValueAxis;
  /** What a missing value means: such points are then marked at the foot of the plot. */
  readonly missing?: string;
  /** A second row of texts below those of the x axis. */
  readonly under?: { readonly name: string; readonly text: (x: number) => string };
  /** Room for ticks, names and values, where plots below each other are to share their x axis. */
  readonly labelRoom?: EndRoom;
  /** Index into `xs`. */
  readonly pinned: number | undefined;
  readonly onPin: (index: number | undefined) => void;
  /** Vertical marks with a label at the foot of the plot. */
  readonly marks?: readonly PlotMark[];
  /** A region to the right of an x that cannot be had. */
  readonly beyond?: { readonly x: number; readonly text: string };
  /** Tinted between two lines. */
  readonly between?: { readonly upper: string; readonly lower: string; readonly colour: string };
  /** Measured points; `text` stands near, where there is room. */
  readonly dots?: readonly { readonly x: number; readonly y: number; readonly text: string; readonly colour: string }[];
}

const TOP_PX = 20;
const BOTTOM_PX = 24;
/** Right of the labels. */
const END_PX = 12;

/** What the layers of the plot draw with. */
export interface Drawn extends LinePlotProps {
  readonly frame: PlotFrame;
  readonly scale: Scale;
}

/**
 * Lines over sizes, with their names where they end. The cursor reads all lines at one x; a click (Enter) pins it, arrows move it,
 * Escape lets go. The plot is drawn again on new data only; the cursor is a layer of its own.
 */
export function LinePlot(props: LinePlotProps) {
  const { xs, lines, label, pinned, onPin, formatValue, formatX = String, xUnit } = props;
  const { element, size } = useSize<HTMLDivElement>();
  const [hover, setHover] = useState<number>();
  const [lit, setLit] = useState<string>();
  const axis = props.yAxis ?? valueAxis(highestOf(lines));
  const room = props.labelRoom ?? endRoom(size.width, props);
  const frame = frameOf(size, room, axis, props);
  const scale = plotScale(xs, props.xScale, axis.max, frame, axis.min);
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
        else if (event.key === 'Escape' && pinned !== undefined) onPin(undefined);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {size.width > 0 && (
        <svg width={size.width} height={size.height} aria-hidden>
          <Body {...props} frame={frame} scale={scale} axis={axis} lit={lit} />
          <Ticks {...props} frame={frame} scale={scale} at={at} />
          <Cursor {...props} frame={frame} scale={scale} at={at} isPinned={hover === undefined} />
          <Ends {...props} frame={frame} scale={scale} room={room} at={at} onLight={setLit} />
        </svg>
      )}
    </div>
  );
}

const highestOf = (lines: readonly PlotLine[]) =>
  Math.max(0, ...lines.flatMap(({ y }) => y.map((value) => value ?? 0)));

/** Labels take at most this share of the width: names give way to the lines. */
const LABEL_SHARE = 0.42;

export interface EndRoom {
  /** For names, pixels; longer ones are cut. */
  readonly name: number;
  /** For values right of them; zero where both do not fit: the cursor's values then stand in place of the names. */
  readonly value: number;
  /** For the ticks left of the plot; absent: what they take. */
  readonly ticks?: number;
}

function endRoom(width: number, { lines, formatValue }: LinePlotProps): EndRoom {
  const names = Math.max(0, ...lines.map(({ title }) => textWidth(title)));
  const values = textWidth(formatValue(highestOf(lines)));
  const room = width * LABEL_SHARE - LEADER_PX - 8 - END_PX;
  if (names + 10 + values <= room) return { name: names, value: values };
  return { name: Math.min(names, room), value: 0 };
}

function frameOf({ width, height }: Size, room: EndRoom, axis: ValueAxis, props: LinePlotProps): PlotFrame {
  const ticks = room.ticks ?? Math.max(0, ...axis.ticks.map((tick) => textWidth(props.formatTick(tick, axis))));
  const right = LEADER_PX + 8 + room.name + (room.value > 0 ? 10 + room.value : 0) + END_PX;
  return {
    left: Math.max(40, ticks + 16),
    right: Math.max(80, width - right),
    top: TOP_PX,
    bottom: Math.max(60, height - BOTTOM_PX - (props.under === undefined ? 0 : UNDER_PX)),
  };
}

/** All lines at one x, in words: "24 slots: LRU 25.1%, MIN 13.4%". */
function reading(lines: readonly PlotLine[], at: number, where: string, format: (y: number) => string): string {
  const values = lines.flatMap(({ title, y }) =>
    y[at] === null || y[at] === undefined ? [] : [`${title} ${format(y[at])}`],
  );
  return `${where}: ${values.join(', ')}`;
}
