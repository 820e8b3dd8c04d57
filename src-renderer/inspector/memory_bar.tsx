import './memory_bar.css';
import { LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { categoryVariable } from '../charts/chart_theme.ts';
import { bytesText } from '../format/bytes.ts';

interface MemoryBarProps {
  /** Ledger of one device by category, bytes [CATEGORY_COUNT]. */
  readonly now: readonly number[];
  /** Bytes of the expert cache at the slider's place. */
  readonly expertBytes: number;
  readonly budgetBytes: number;
  /** What it was expected to come to at its highest, before anything was loaded. */
  readonly expectedBytes: number;
}

const EXPERTS = LEDGER_CATEGORIES.indexOf('experts');

/** One device's memory against its budget: now above, with the cache size under the thumb below it as a ghost. */
export function MemoryBar({ now, expertBytes, budgetBytes, expectedBytes }: MemoryBarProps) {
  const then = now.map((bytes, category) => (category === EXPERTS ? expertBytes : bytes));
  const total = sum(now);
  const thenTotal = sum(then);
  // The full width is the budget, or more where the ghost would break it: the break must be seen, not cut off.
  const full = Math.max(budgetBytes, thenTotal, total, 1);
  const over = thenTotal - budgetBytes;
  return (
    <div className="memory">
      <div
        className="bar"
        role="img"
        aria-label={`Memory now ${bytesText(total)}, with this cache ${bytesText(thenTotal)}, budget ${bytesText(budgetBytes)}`}
      >
        <Stack bytes={now} full={full} className="bar-now" />
        <Stack bytes={then} full={full} className="bar-then" />
        <span className="bar-budget" style={{ left: `${(budgetBytes / full) * 100}%` }} />
      </div>
      <div className="hint memory-words">
        <span>{bytesText(total)} now</span>
        <span className={over > 0 ? 'bad' : ''}>
          {over > 0 ? `${bytesText(over)} over the budget` : `budget ${bytesText(budgetBytes)}`}
        </span>
      </div>
      <div className="hint memory-words">
        <span>{bytesText(expectedBytes)} estimated</span>
        <span>measured {signedPercent(total / expectedBytes - 1)}</span>
      </div>
    </div>
  );
}

/** +1.2%, −3.4%, 0% */
function signedPercent(difference: number): string {
  const percent = Math.abs(difference * 100).toFixed(1);
  return percent === '0.0' ? '0%' : `${difference < 0 ? '−' : '+'}${percent}%`;
}

const sum = (bytes: readonly number[]) => bytes.reduce((total, value) => total + value, 0);

function Stack({
  bytes,
  full,
  className,
}: {
  readonly bytes: readonly number[];
  readonly full: number;
  readonly className: string;
}) {
  return (
    <span className={`bar-stack ${className}`}>
      {bytes.map((value, category) => (
        <span
          key={LEDGER_CATEGORIES[category]}
          className="bar-part"
          style={{ width: `${(value / full) * 100}%`, background: `var(${categoryVariable(category)})` }}
        />
      ))}
    </span>
  );
}
