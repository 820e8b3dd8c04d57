import { useSyncExternalStore } from 'react';
import type { ModelSummary } from '../../engine/protocol/model.ts';
import type { Precision } from '../../engine/protocol/settings.ts';
import { useSession, useStudio } from '../app/context.tsx';
import { count, fixed, percentText } from '../format/numbers.ts';
import { precisionName } from '../format/precision_names.ts';
import { isRunInProgress } from '../views/gating/gating_lab.ts';
import { CommandButton } from '../widgets/command_button.tsx';
import { ProgressBar } from '../widgets/progress_bar.tsx';
import { isSamePrecision } from './precision_lab.ts';
import { priceSays } from './precision_words.ts';

interface PrecisionPriceProps {
  readonly model: ModelSummary;
  readonly chosen: Precision;
}

/** Every precision beside the stored one, once it was measured on the open model's held-out text. */
export function PrecisionPrice({ model, chosen }: PrecisionPriceProps) {
  const { precisionLab } = useStudio();
  const { query } = precisionLab;
  const state = useSyncExternalStore(
    (listener) => query.subscribe(listener),
    () => query.state,
  );
  const progress = useSession((s) => s.progress);
  const isRunning = useSession((s) => isRunInProgress(s.snapshot.state));
  if (state.isAsking) {
    const fraction = progress?.task === 'precisionLab' ? (progress.fraction ?? 0) : 0;
    const words = progress?.task === 'precisionLab' ? progress.text : 'Measuring';
    return (
      <div className="price">
        <span className="hint">
          {words} {Math.floor(100 * fraction)}%
        </span>
        <ProgressBar label={words} fraction={fraction} />
        <CommandButton command="precision.cancel">Cancel</CommandButton>
      </div>
    );
  }
  const table = precisionLab.answeredModel() === model.fingerprint ? state.result : undefined;
  const [stored] = table?.rows ?? [];
  const row = table?.rows.find(({ precision }) => isSamePrecision(precision, chosen));
  return (
    <div className="price">
      {stored !== undefined && (
        <table className="figures price-table">
          <thead>
            <tr>
              <th scope="col">Measured</th>
              <th scope="col">Perplexity</th>
              <th scope="col">Agreement</th>
              <th scope="col">Decode</th>
            </tr>
          </thead>
          <tbody>
            {table?.rows.map((entry) => (
              <tr key={precisionName(entry.precision)} className={entry === row ? 'price-chosen' : ''}>
                <th scope="row">{precisionName(entry.precision)}</th>
                <td>{entry.perplexity === null ? '–' : fixed(entry.perplexity, 2)}</td>
                <td>{entry === stored ? '–' : percentText(entry.agreement)}</td>
                <td>{count(entry.decodeTokensPerSecond)} tok/s</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {stored !== undefined && row !== undefined && <p className="hint">{priceSays(stored, row)}</p>}
      {table?.warnings.map((warning) => (
        <p key={warning} className="hint">
          {warning}
        </p>
      ))}
      {state.error !== undefined && <p className="hint bad">{state.error}</p>}
      {(stored === undefined || row === undefined) && (
        <p className="hint">Perplexity, router agreement and speed at each precision, on the held-out text.</p>
      )}
      <CommandButton command={isRunning ? 'precision.stopAndMeasure' : 'precision.measure'}>
        {isRunning ? 'Stop and measure precision' : stored === undefined ? 'Measure the price' : 'Measure again'}
      </CommandButton>
    </div>
  );
}
