import type { CSSProperties } from 'react';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { bytesText } from '../../format/bytes.ts';
import { count, percentText, plain, tile } from '../../format/numbers.ts';
import { slotBars } from './gating_layout.ts';
import { droppedShare } from './gating_sentences.ts';

/** Rows that every policy runs for the same tokens: real ones in the accent, padding hatched; the line is what the router asked for. */
export function SlotsChart({ table }: { readonly table: GatingTable }) {
  const bars = slotBars(table.rows);
  const asked = bars[0]?.asked ?? 0;
  return (
    <div className="lab-rows-box">
      <table className="lab-rows">
        <thead>
          <tr>
            <th scope="col">Policy</th>
            <th scope="col" className="lab-rows-plot">
              <span className="gating-key gating-real" /> real rows <span className="gating-key gating-padding" />{' '}
              padding <span className="gating-key gating-asked-key" /> asked for
            </th>
            <th scope="col">slots</th>
            <th scope="col">padding</th>
            <th scope="col">dropped</th>
            <th scope="col">waste factor</th>
            <th scope="col">exchanged</th>
          </tr>
        </thead>
        <tbody>
          {bars.map(({ row, real, padding }) => (
            <tr key={row.policy} data-policy={row.policy}>
              <th scope="row">{row.title}</th>
              <td className="lab-rows-plot">
                <div className="gating-bar" style={{ '--asked': asked } as CSSProperties}>
                  <span className="gating-real" style={{ width: width(real) }} />
                  <span className="gating-padding" style={{ width: width(padding) }} />
                </div>
              </td>
              <td>{slotsText(row.slots)}</td>
              <td>{slotsText(row.paddingRows)}</td>
              <td className={row.droppedPairs > 0 ? 'lab-rows-warn' : 'lab-rows-none'}>
                {row.droppedPairs > 0 ? percentText(droppedShare(row)) : 'none'}
              </td>
              <td>{tile(row.wasteFactor)}</td>
              <td>{bytesText(row.exchangedBytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export const width = (share: number): string => `${(share * 100).toFixed(3)}%`;

/** Means over layers and steps: whole rows where there are many, a decimal where there are few. */
const slotsText = (rows: number): string => (rows >= 100 ? count(rows) : plain(rows));
