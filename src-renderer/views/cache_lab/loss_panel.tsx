import { type CSSProperties, useMemo } from 'react';
import { percent, percentText } from '../../format/numbers.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import type { Choice } from './cache_lab_view.tsx';
import { lossTable } from './lab_tables.ts';
import { lossesAt, minRow, ranked } from './losses.ts';

/** Where the misses come from at the pinned size: one stacked bar a policy, MIN first, for its bar is the part nobody can save. */
export function LossPanel({ choice: { table, size, policy, choosePolicy } }: { readonly choice: Choice }) {
  const rows = useMemo(() => ranked(table, size), [table, size]);
  const highest = Math.max(...rows.map((row) => row.missRate[size] ?? 0), 0);
  const least = minRow(table);
  const floor = least === undefined ? undefined : lossesAt(table, least, size);
  const chosen = rows.find((row) => row.policy === policy);
  const own = chosen === undefined ? undefined : lossesAt(table, chosen, size);
  return (
    <LabPanel
      title="Where the misses come from"
      note="% of requests"
      table={<DataTable caption="Losses by policy" {...lossTable(table, size, policy)} />}
      says={
        own === undefined || chosen === undefined || floor === undefined
          ? undefined
          : `Cold ${percentText(own.cold)}, the first use of each expert; size ${percentText(own.capacity)}, which MIN misses too; ` +
            `${chosen.policy === 'min' ? 'no policy can do better.' : `policy ${percentText(own.policy)}, which MIN would save.`}`
      }
    >
      <fieldset className="losses">
        <legend className="visually-hidden">Policy</legend>
        <div className="losses-head" aria-hidden>
          <span className="losses-keys">
            <span className="losses-key losses-cold">cold</span>
            <span className="losses-key losses-capacity">size</span>
            <span className="losses-key losses-policy">policy</span>
          </span>
          <span>to MIN</span>
          <span>all</span>
        </div>
        <div className="losses-rows">
          {rows.map((row) => {
            const { cold, capacity, policy: lost, hits } = lossesAt(table, row, size);
            const width = (share: number): CSSProperties => ({ width: `${(share / Math.max(highest, 1e-9)) * 100}%` });
            return (
              <label key={row.policy} className="losses-row">
                <input
                  type="radio"
                  className="visually-hidden"
                  name="cache-lab-policy"
                  checked={row.policy === policy}
                  aria-label={`${row.title}: ${percentText(1 - hits)} missed, cold ${percentText(cold)}, size ${percentText(capacity)}, policy ${percentText(lost)}`}
                  onChange={() => choosePolicy(row.policy)}
                />
                <span className="losses-name">{row.title}</span>
                <span className="losses-bar">
                  <span className="losses-cold" style={width(cold)} />
                  <span className="losses-capacity" style={width(capacity)} />
                  <span className="losses-policy" style={width(lost)} />
                </span>
                <span className="losses-value">{row.policy === 'min' ? '' : `+${percent(lost)}`}</span>
                <span className="losses-value losses-all">{percent(1 - hits)}</span>
              </label>
            );
          })}
        </div>
      </fieldset>
    </LabPanel>
  );
}
