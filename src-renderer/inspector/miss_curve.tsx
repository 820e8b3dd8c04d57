import { memo } from 'react';
import type { MissCurve as Curve } from '../../engine/protocol/telemetry.ts';
import { percentText } from '../format/numbers.ts';
import { slotsInForce } from '../stores/run_settings.ts';
import {
  type Box,
  curvePoints,
  curveScale,
  CURVE_FRAME as FRAME,
  type LaneLabel,
  placeInLanes,
  placeNear,
  TEXT_HEIGHT,
  textWidth,
} from './curve_layout.ts';
import { predict } from './prediction.ts';

interface MissCurveProps {
  readonly curve: Curve;
  /** Slots at the slider's right end. */
  readonly most: number;
  /** Where the slider is; equals the size in force when nobody drags. */
  readonly slots: number;
  readonly dragging: boolean;
}

const MARK_LANES = 2;

/** The replayed miss curve with its marks, drawn to stand exactly above the slider's track. */
export function MissCurve({ curve, most, slots, dragging }: MissCurveProps) {
  const scale = curveScale(curve, most);
  const predicted = predict(curve, slots);
  const x = scale.x(slots);
  const y = scale.y(1 - (predicted?.hitRate ?? 1));
  return (
    <svg
      className="curve"
      viewBox={`0 0 ${FRAME.width} ${FRAME.bottom + 10}`}
      role="img"
      aria-label={curveInWords(curve, most)}
    >
      <CurvePlot curve={curve} most={most} />
      {dragging && (
        <g className="curve-drag">
          <line x1={x} x2={x} y1={y} y2={FRAME.bottom + 10} />
          <circle cx={x} cy={y} r={3.5} />
        </g>
      )}
    </svg>
  );
}

/** Everything that does not move with the thumb: drawn again only when a new curve arrives. */
const CurvePlot = memo(function CurvePlot({ curve, most }: { readonly curve: Curve; readonly most: number }) {
  const scale = curveScale(curve, most);
  const points = curvePoints(curve, scale);
  const line = points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const first = points[0]?.x ?? FRAME.left;
  const last = points.at(-1)?.x ?? FRAME.right;

  const ticks = [scale.top, scale.top / 2].map((rate) => {
    const text = `${percentText(rate)}${rate === scale.top ? ' missed' : ''}`;
    const y = scale.y(rate);
    return { text, y, box: boxOf(FRAME.right - textWidth(text), y + 1, text) };
  });
  const yAt = (slots: number) => scale.y(1 - (predict(curve, slots)?.hitRate ?? 1));
  const marks = curveMarks(curve, most, scale.x);
  const labels = placeInLanes(marks, FRAME.width, MARK_LANES);
  const measuredSlots = slotsInForce(curve.measured.slots, most);
  const measured = { x: scale.x(measuredSlots), y: scale.y(curve.measured.missRate) };
  const plot = { x: 0, y: FRAME.top, width: FRAME.width, height: FRAME.bottom - FRAME.top };
  const measuredText = `${percentText(curve.measured.missRate)} measured`;
  const measuredLabel = placeNear(
    measuredText,
    measured,
    ticks.map(({ box }) => box),
    points,
    plot,
  );
  const tooLarge = curve.slotsThatFit < most ? scale.x(curve.slotsThatFit + 0.5) : undefined;
  const recommended = scale.x(curve.recommended.slots);

  return (
    <g>
      {tooLarge !== undefined && (
        <rect
          className="curve-too-large"
          x={tooLarge}
          y={FRAME.top}
          width={FRAME.right - tooLarge}
          height={FRAME.bottom - FRAME.top}
        />
      )}
      {ticks.map(({ text, y, box }) => (
        <g key={text}>
          <line className="curve-grid" x1={FRAME.left} x2={FRAME.right} y1={y} y2={y} />
          <text className="curve-tick" x={FRAME.right} y={box.y + 10} textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      <line className="curve-grid" x1={FRAME.left} x2={FRAME.right} y1={FRAME.bottom} y2={FRAME.bottom} />
      {marks.map(
        ({ text, x, slots }) =>
          slots !== undefined && <path key={text} className="curve-mark" d={markLines(x, yAt(slots))} />,
      )}
      <polygon className="curve-area" points={`${first},${FRAME.bottom} ${line} ${last},${FRAME.bottom}`} />
      <polyline className="curve-line" points={line} />
      {labels.map(
        (label) =>
          label !== undefined && (
            <text
              key={label.text}
              className="curve-label"
              x={label.x + label.width / 2}
              y={label.y + 10}
              textAnchor="middle"
            >
              {label.text}
            </text>
          ),
      )}
      <path className="curve-recommended" d={`M${recommended} ${FRAME.bottom - 1} l-4.5 -8 h9 z`} />
      <circle className="curve-measured" cx={measured.x} cy={measured.y} r={4.5} />
      {measuredLabel !== undefined && (
        <text className="curve-label curve-label-strong" x={measuredLabel.x} y={measuredLabel.y + 10}>
          {measuredLabel.text}
        </text>
      )}
    </g>
  );
});

interface Mark extends LaneLabel {
  /** Absent for a tinted region, which has a label but no line. */
  readonly slots?: number;
}

/** A tick under the label, and a line below the curve: the room above the curve belongs to the labels of its points. */
const markLines = (x: number, y: number) => `M${x} ${FRAME.top - 3} v5 M${x} ${y} V${FRAME.bottom}`;

function curveMarks(curve: Curve, most: number, x: (slots: number) => number): Mark[] {
  const marks: Mark[] = [];
  const { workingSet } = curve;
  if (workingSet > 0 && workingSet <= most)
    marks.push({ text: `one step ${Math.round(workingSet)}`, x: x(workingSet), slots: workingSet });
  if (workingSet > 0 && 2 * workingSet <= most)
    marks.push({ text: `twice ${Math.round(2 * workingSet)}`, x: x(2 * workingSet), slots: 2 * workingSet });
  if (curve.slotsThatFit < most) {
    marks.push({ text: 'does not fit', x: (x(curve.slotsThatFit + 0.5) + FRAME.right) / 2 });
  }
  return marks;
}

const boxOf = (x: number, y: number, text: string): Box => ({ x, y, width: textWidth(text), height: TEXT_HEIGHT });

function curveInWords(curve: Curve, most: number): string {
  const at = (slots: number) => percentText(1 - (predict(curve, slots)?.hitRate ?? 1));
  return (
    `Miss rate against cache size, replayed: ${at(1)} at 1 slot, ${at(Math.round(most / 2))} at ${Math.round(most / 2)}, ` +
    `${at(most)} at ${most}. Measured ${percentText(curve.measured.missRate)}.`
  );
}
