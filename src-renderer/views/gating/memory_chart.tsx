import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { bytesText } from '../../format/bytes.ts';
import { width } from './slots_chart.tsx';

/** Highest of the ledger within a step; its end is what gating and the experts' rows hold at that moment. */
export function MemoryChart({ table }: { readonly table: GatingTable }) {
  const highest = Math.max(...table.rows.map(({ peakBytes }) => peakBytes), 1);
  return (
    <div className="lab-rows-box">
      <table className="lab-rows">
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col" className="lab-rows-plot">
              <span className="gating-key gating-rest" /> weights, KV cache{' '}
              <span className="gating-key gating-activation" /> activation
            </th>
            <th scope="col">peak</th>
            <th scope="col" className="lab-rows-wide">
              activation
            </th>
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr key={row.policy} data-policy={row.policy}>
              <th scope="row">{row.title}</th>
              <td className="lab-rows-plot">
                <div className="gating-bar">
                  <span
                    className="gating-rest"
                    style={{ width: width((row.peakBytes - row.activationBytes) / highest) }}
                  />
                  <span className="gating-activation" style={{ width: width(row.activationBytes / highest) }} />
                </div>
              </td>
              <td>{bytesText(row.peakBytes)}</td>
              <td className="lab-rows-wide">{bytesText(row.activationBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
