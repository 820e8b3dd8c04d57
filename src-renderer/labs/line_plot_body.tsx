import { memo, type ReactNode } from 'react';
import { layOutMarks } from '../charts/label_layout.ts';
import { type Box, type Point, placeNear, textWidth } from '../inspector/curve_layout.ts';
import type { Drawn, LinePlotProps, PlotLine } from './line_plot.tsx';
import type { PlotFrame, Scale, ValueAxis } from './plot_scale.ts';

/** Everything but cursor and labels. */
export const Body = memo(
  function Body({ frame, scale, axis, lit, ...props }: Drawn & { readonly axis: ValueAxis; readonly lit?: string }) {
    const { xs, lines, formatTick, marks = [], beyond, between, dots = [], missing } = props;
    const placedMarks = layOutMarks(
      marks.map(({ x, text }) => ({ at: scale.x(x) - frame.left, width: textWidth(text) })),
      frame.right - frame.left,
      4,
    );
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
        {missing !== undefined && <Missing text={missing} xs={xs} lines={lines} frame={frame} scale={scale} />}
        {beyond !== undefined && <Beyond {...beyond} frame={frame} scale={scale} />}
        {between !== undefined && <Between {...between} xs={xs} lines={lines} scale={scale} />}
        {placedMarks.map(({ index, label }) => {
          const mark = marks[index];
          if (mark === undefined) return null;
          const x = scale.x(mark.x);
          return (
            <g key={mark.text}>
              <line
                className="lp-mark"
                x1={x}
                x2={x}
                y1={frame.top - (label === undefined ? 0 : 14)}
                y2={frame.bottom}
              />
              {label !== undefined && label.width >= textWidth(mark.text) && (
                <text className="lp-label" x={frame.left + label.left} y={frame.top - 5}>
                  {mark.text}
                </text>
              )}
            </g>
          );
        })}
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
        {dots.map(({ x, y, text, colour }) => {
          const at = { x: scale.x(x), y: scale.y(y) };
          const label = placeNear(text, at, [], upperEdge(xs, lines, scale), plotBox(frame));
          return (
            <g key={text}>
              <circle className="lp-dot" cx={at.x} cy={at.y} r={4.5} style={{ stroke: `var(${colour})` }} />
              {label !== undefined && (
                <text className="lp-dot-label" x={label.x} y={label.y + 10}>
                  {text}
                </text>
              )}
            </g>
          );
        })}
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
    a.axis.max === b.axis.max &&
    a.axis.min === b.axis.min &&
    a.frame.right === b.frame.right &&
    a.frame.bottom === b.frame.bottom,
);

const plotBox = ({ left, right, top, bottom }: PlotFrame): Box => ({
  x: left,
  y: top,
  width: right - left,
  height: bottom - top,
});

/** What a label must not cross: the highest line at each x, for labels stand above their point. */
const upperEdge = (xs: readonly number[], lines: readonly PlotLine[], scale: Scale): Point[] =>
  xs.map((x, i) => ({ x: scale.x(x), y: scale.y(Math.max(0, ...lines.map(({ y }) => y[i] ?? 0))) }));

const order = (line: PlotLine, lit: string | undefined) => (line.id === lit ? 2 : 0) + (line.isMain ? 1 : 0);

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

const CROSS_PX = 3.5;

interface MissingProps extends Pick<Drawn, 'xs' | 'lines' | 'frame' | 'scale'> {
  readonly text: string;
}

/** Crosses at the foot of the plot where a line has no value, one above the other where several have none. */
function Missing({ text, xs, lines, frame, scale }: MissingProps) {
  const crosses = xs.flatMap((x, i) =>
    lines
      .filter(({ y }) => (y[i] ?? null) === null)
      .map(({ id, colour }, place) => ({ id, colour, x: scale.x(x), y: frame.bottom - 9 - place * 11 })),
  );
  if (crosses.length === 0) return null;
  return (
    <g>
      {crosses.map(({ id, colour, x, y }) => (
        <path key={`${id} ${x}`} className="lp-missing" style={{ stroke: `var(${colour})` }} d={cross(x, y)} />
      ))}
      <path className="lp-missing lp-missing-key" d={cross(frame.left + 4, frame.top - 9)} />
      <text className="lp-label" x={frame.left + 13} y={frame.top - 5}>
        {text}
      </text>
    </g>
  );
}

const cross = (x: number, y: number) => `M${x - CROSS_PX} ${y - CROSS_PX} l7 7 m0 -7 l-7 7`;

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
