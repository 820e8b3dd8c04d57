import { LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { categoryVariable } from '../charts/chart_theme.ts';
import { bytesText } from '../format/bytes.ts';
import { CATEGORY_NAMES } from '../views/live/ledger_series.ts';

interface FitBarProps {
  /** By ledger category. */
  readonly bytes: readonly number[];
  readonly budgetBytes: number;
}

/** What one device would hold, by component, against its budget. */
export function FitBar({ bytes, budgetBytes }: FitBarProps) {
  const total = bytes.reduce((sum, part) => sum + part, 0);
  const full = Math.max(total, budgetBytes);
  const parts = LEDGER_CATEGORIES.map((category, index) => ({ category, index, part: bytes[index] ?? 0 }));
  return (
    <div className="fit-memory">
      <div
        className="bar"
        role="img"
        aria-label={`${bytesText(total)} of a budget of ${bytesText(budgetBytes)}, estimated`}
      >
        <span className="bar-stack bar-now">
          {parts.map(({ category, index, part }) => (
            <span
              key={category}
              className="bar-part"
              style={{ width: `${(part / full) * 100}%`, background: `var(${categoryVariable(index)})` }}
            />
          ))}
        </span>
        <span className="bar-budget" style={{ left: `${(budgetBytes / full) * 100}%` }} />
      </div>
      <ul className="fit-parts">
        {parts.map(({ category, index, part }) => (
          <li key={category}>
            <span className="fit-swatch" style={{ background: `var(${categoryVariable(index)})` }} />
            {CATEGORY_NAMES[category]} <span className="dim">{bytesText(part)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
