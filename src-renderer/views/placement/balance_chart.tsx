import { Fragment, type ReactNode } from 'react';
import type { PlacementRow, PlacementTable } from '../../../engine/protocol/labs.ts';
import { percent, percentText, speed } from '../../format/numbers.ts';
import {
  bestRow,
  historyShare,
  type LoadAxis,
  type Measure,
  measureAxis,
  onAxis,
  scoredShare,
} from './placement_layout.ts';

const MEASURES: readonly { readonly measure: Measure; readonly title: string; readonly hint: string }[] = [
  { measure: 'average', title: 'Avg Max Load', hint: 'mean of batches: speed' },
  { measure: 'max', title: 'Max Load', hint: 'worst batch: memory' },
];

interface BalanceChartProps {
  readonly table: PlacementTable;
  /** Methods whose batches are drawn, and their colours. */
  readonly colourOf: (method: string) => string | undefined;
  readonly onToggle: (method: string) => void;
  readonly inForce: string | undefined;
  readonly menu: (row: PlacementRow) => ReactNode;
}

/** Methods as rows: how far the busiest device is from an even share, on the half that was learned from and on the other. */
export function BalanceChart({ table, colourOf, onToggle, inForce, menu }: BalanceChartProps) {
  const best = bestRow(table.rows);
  const isTimed = table.rows.some((row) => row.tokensPerSecond !== undefined);
  const axes = MEASURES.map(({ measure }) => measureAxis(table, measure));
  return (
    <div className="lab-rows-box">
      <table className="lab-rows placement-rows">
        <thead>
          <tr>
            <th scope="col">Method</th>
            {MEASURES.map(({ measure, title, hint }, index) => (
              <Fragment key={measure}>
                <th scope="col" className="lab-rows-plot placement-axis-head">
                  <b>{title}</b> <span className="lab-wide">{hint}</span>
                  <AxisLabels axis={axes[index] as LoadAxis} />
                </th>
                <th scope="col" className="lab-rows-wide">
                  history
                </th>
                <th scope="col">scored</th>
              </Fragment>
            ))}
            <th scope="col">
              copies<span className="lab-wide"> a layer</span>
            </th>
            {isTimed && (
              <th scope="col" title={table.speedSays}>
                tok/s<span className="lab-wide">, projected</span>
              </th>
            )}
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => {
            const colour = colourOf(row.method);
            return (
              <tr key={row.method} data-method={row.method} data-best={row === best}>
                <th scope="row">
                  <label className="placement-method">
                    <input type="checkbox" checked={colour !== undefined} onChange={() => onToggle(row.method)} />
                    <span
                      className="placement-swatch"
                      style={{ background: colour === undefined ? undefined : `var(${colour})` }}
                    />
                    {row.title}
                  </label>
                  {row.method === inForce && <span className="badge">in force</span>}
                </th>
                {MEASURES.map(({ measure }, index) => (
                  <Fragment key={measure}>
                    <td className="lab-rows-plot">
                      <Dumbbell axis={axes[index] as LoadAxis} row={row} measure={measure} />
                    </td>
                    <td className="placement-history lab-rows-wide">{percent(historyShare(row, measure))}</td>
                    <td className="placement-scored">{percent(scoredShare(row, measure))}</td>
                  </Fragment>
                ))}
                <td>{row.redundant === 0 ? <span className="lab-rows-none">none</span> : `+${row.redundant}`}</td>
                {isTimed && <td>{row.tokensPerSecond === undefined ? '–' : speed(row.tokensPerSecond)}</td>}
                <td className="placement-menu">{menu(row)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** A tick so near to the axis' begin would stand in its word where the axis is short. */
const NEAR_EVEN = 0.45;

const left = (share: number): string => `${(share * 100).toFixed(2)}%`;

function AxisLabels({ axis }: { readonly axis: LoadAxis }) {
  return (
    <span className="placement-axis" aria-hidden>
      <span className="placement-even" style={{ left: 0 }}>
        even
      </span>
      {axis.ticks.map((tick) => (
        <span
          key={tick}
          className={onAxis(axis, tick) < NEAR_EVEN ? 'placement-tick lab-wide' : 'placement-tick'}
          style={{ left: left(onAxis(axis, tick)) }}
        >
          {percentText(tick)}
        </span>
      ))}
    </span>
  );
}

function Dumbbell({
  axis,
  row,
  measure,
}: {
  readonly axis: LoadAxis;
  readonly row: PlacementRow;
  readonly measure: Measure;
}) {
  const history = onAxis(axis, historyShare(row, measure));
  const scored = onAxis(axis, scoredShare(row, measure));
  return (
    <div className="placement-dumbbell">
      {axis.ticks.map((tick) => (
        <span key={tick} className="placement-grid" style={{ left: left(onAxis(axis, tick)) }} />
      ))}
      <span
        className="placement-span"
        style={{ left: left(Math.min(history, scored)), width: left(Math.abs(scored - history)) }}
      />
      <span className="placement-dot placement-dot-history" style={{ left: left(history) }} />
      <span className="placement-dot placement-dot-scored" style={{ left: left(scored) }} />
    </div>
  );
}
