import { textWidth } from '../inspector/curve_layout.ts';
import { placeEnds } from './line_ends.ts';
import type { Drawn, EndRoom } from './line_plot.tsx';
import { evenTicks, tickPlaces } from './plot_scale.ts';

const LABEL_PX = 16;
/** Room between the plot and the labels, for the leaders that join the two. */
export const LEADER_PX = 22;
/** Height of the second row of texts below the axis. */
export const UNDER_PX = 15;

/** Values of the x axis, and its unit; those under the cursor's own text give way. */
export function Ticks({
  xs,
  xScale,
  formatX = String,
  xUnit,
  under,
  frame,
  scale,
  at,
}: Drawn & { readonly at: number | undefined }) {
  const width = (x: number) => textWidth(formatX(x));
  const ticks = (xScale === 'log' ? tickPlaces : evenTicks)(xs, scale.x, width);
  const last = ticks.at(-1);
  const cursor = at === undefined ? undefined : xs[at];
  const isFree = (x: number) =>
    cursor === undefined || Math.abs(scale.x(x) - scale.x(cursor)) > (width(x) + width(cursor)) / 2 + 10;
  return (
    <g>
      {ticks.filter(isFree).map((x) => (
        <text key={x} className="lp-tick" x={scale.x(x)} y={frame.bottom + 17} textAnchor="middle">
          {formatX(x)}
        </text>
      ))}
      <text className="lp-tick" x={frame.right + (last === undefined ? 0 : width(last) / 2) + 8} y={frame.bottom + 17}>
        {xUnit}
      </text>
      {under !== undefined && (
        <g className="lp-under">
          {ticks.map((x) => (
            <text key={x} x={scale.x(x)} y={frame.bottom + 17 + UNDER_PX} textAnchor="middle">
              {under.text(x)}
            </text>
          ))}
          <text
            x={frame.right + (last === undefined ? 0 : textWidth(under.text(last)) / 2) + 8}
            y={frame.bottom + 17 + UNDER_PX}
          >
            {under.name}
          </text>
        </g>
      )}
    </g>
  );
}

export function Cursor({
  xs,
  lines,
  formatX = String,
  frame,
  scale,
  at,
  pinned,
  isPinned,
}: Drawn & { readonly at: number | undefined; readonly isPinned: boolean }) {
  const x = at === undefined ? undefined : xs[at];
  if (at === undefined || x === undefined) return null;
  const text = formatX(x);
  const width = textWidth(text) + 12;
  return (
    <g className="lp-cursor" data-kind={isPinned ? 'pinned' : 'hover'}>
      {!isPinned && pinned !== undefined && (
        <line
          className="lp-pinned"
          x1={scale.x(xs[pinned] ?? 0)}
          x2={scale.x(xs[pinned] ?? 0)}
          y1={frame.top}
          y2={frame.bottom}
        />
      )}
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

interface EndsProps extends Drawn {
  readonly room: EndRoom;
  readonly at: number | undefined;
  readonly onLight: (id: string | undefined) => void;
}

/** Names where the lines end, and their values at the cursor or, without one, at the end. */
export function Ends({ xs, lines, formatValue, frame, scale, room, at, onLight }: EndsProps) {
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
  const valueAt = at ?? xs.length - 1;
  const values = lines.map(({ y }) => {
    const value = y[valueAt] ?? null;
    return value === null ? '–' : formatValue(value);
  });
  const nameLeft = frame.right + LEADER_PX + 8;
  const hasValues = room.value > 0;
  const valueRight = nameLeft + room.name + (hasValues ? 10 + room.value : 0);
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
              {hasValues || at === undefined ? cut(line.title, room.name) : values[index]}
            </text>
            {hasValues && (
              <text className="lp-end-value" x={valueRight} y={labelY + 4} textAnchor="end">
                {values[index]}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

function cut(text: string, room: number): string {
  if (textWidth(text) <= room + 1) return text;
  let end = text.length - 1;
  while (end > 1 && textWidth(`${text.slice(0, end)}…`) > room) end--;
  return `${text.slice(0, end).trimEnd()}…`;
}

function lastIndex(ys: readonly (number | null)[]): number {
  for (let i = ys.length - 1; i >= 0; i--) if ((ys[i] ?? null) !== null) return i;
  return -1;
}
