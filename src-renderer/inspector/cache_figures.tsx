import type { ReactNode } from 'react';
import type { Audit, MissCurve } from '../../engine/protocol/telemetry.ts';
import { bytesText } from '../format/bytes.ts';
import { count, percent, percentText, speed } from '../format/numbers.ts';
import { plural } from '../format/words.ts';
import { curveGap, type Prediction } from './prediction.ts';

interface CacheFiguresProps {
  readonly prediction: Prediction | undefined;
  readonly expertBytes: number;
  /** Of the same steps as the curve, `steps` of them; `expertBytes` of the last one. */
  readonly measured: {
    readonly hitRate?: number;
    readonly tokensPerSecond?: number;
    readonly expertBytes?: number;
    readonly steps?: number;
  };
  readonly dragging: boolean;
}

/**
 * Predicted and measured side by side: the first column follows the thumb, the second is what the engine counted at the size in
 * force. Both are means of the same steps, so that they differ by the prediction's error alone; the top bar has the last second.
 */
export function CacheFigures({ prediction, expertBytes, measured, dragging }: CacheFiguresProps) {
  const projected = prediction?.tokensPerSecond;
  return (
    <table className={`figures ${dragging ? 'figures-dragging' : ''}`}>
      <thead>
        <tr>
          <td className="hint">{measured.steps === undefined ? '' : `Mean of ${plural(measured.steps, 'step')}`}</td>
          <th scope="col">At this size</th>
          <th scope="col">Measured</th>
        </tr>
      </thead>
      <tbody>
        <Figure
          name="Hit rate"
          how="replayed"
          measured={measured.hitRate === undefined ? undefined : `${percent(measured.hitRate)}%`}
        >
          {prediction === undefined ? undefined : `${percent(prediction.hitRate)}%`}
        </Figure>
        <Figure
          name="Speed"
          how="projected"
          measured={measured.tokensPerSecond === undefined ? undefined : `${speed(measured.tokensPerSecond)} tok/s`}
        >
          {projected === undefined ? undefined : `${speed(projected)} tok/s`}
        </Figure>
        <Figure
          name="Experts"
          how="when full"
          measured={measured.expertBytes === undefined ? undefined : bytesText(measured.expertBytes)}
        >
          {bytesText(expertBytes)}
        </Figure>
      </tbody>
    </table>
  );
}

interface FigureProps {
  readonly name: string;
  /** Where the predicted number comes from. */
  readonly how: string;
  readonly measured: string | undefined;
  readonly children: ReactNode;
}

function Figure({ name, how, measured, children }: FigureProps) {
  return (
    <tr>
      <th scope="row">
        {name} <span className="hint">{how}</span>
      </th>
      <td className="figure-predicted">{children ?? '–'}</td>
      <td>{measured ?? '–'}</td>
    </tr>
  );
}

/** Law 4 in words: the replay of the recorded trace must count what the caches counted, to the unit. */
export function ReplayCheck({
  audit,
  curve,
  most,
}: {
  readonly audit: Audit | undefined;
  readonly curve: MissCurve | undefined;
  readonly most: number;
}) {
  if (audit === undefined) return null;
  const off = (['hits', 'misses', 'loads', 'evictions'] as const).flatMap((name) => {
    const difference = audit.replayed[name] - audit.measured[name];
    return difference === 0 ? [] : [`${name} ${difference > 0 ? '+' : '−'}${count(Math.abs(difference))}`];
  });
  const gap = curve === undefined ? undefined : curveGap(curve, most);
  if (off.length > 0) {
    return (
      <p className="hint bad replay-check">
        Replay and caches differ over {plural(audit.steps, 'step')}: {off.join(', ')}. Please report this.
      </p>
    );
  }
  if (gap !== undefined && Math.abs(gap) > 0.0005) {
    const apart = percentText(Math.abs(gap));
    return curve?.measured.sinceStart ? (
      <p className="hint bad replay-check">The curve is {apart} off the measured miss rate. Please report this.</p>
    ) : (
      <p className="hint replay-check">
        Replay exact over {plural(audit.steps, 'step')}; the point is {apart} off the curve, whose caches never had
        another setting
      </p>
    );
  }
  return <p className="hint replay-check">Replay exact over {plural(audit.steps, 'step')}</p>;
}
