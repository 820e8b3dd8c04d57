import type { FitOption } from '../../engine/protocol/fit.ts';
import { bytesText } from '../format/bytes.ts';
import { spanText } from '../format/time.ts';
import { ledgerWith } from './fit_choice.ts';

interface FitTableProps {
  readonly options: readonly FitOption[];
  readonly chosen: number;
  readonly onChoose: (index: number) => void;
}

/** A row for each precision, chosen as radio buttons are: arrows move, the row is read as one. */
export function FitTable({ options, chosen, onChoose }: FitTableProps) {
  return (
    <table className="fit-table">
      <thead>
        <tr>
          <th scope="col">Experts as</th>
          <th scope="col">One</th>
          <th scope="col">All</th>
          <th scope="col">Smallest cache</th>
          <th scope="col">Largest that fits</th>
          <th scope="col">Loads in</th>
        </tr>
      </thead>
      <tbody>
        {options.map((option, index) => (
          <tr key={precisionWords(option)} className={index === chosen ? 'fit-chosen' : ''}>
            <th scope="row">
              <label>
                <input type="radio" name="fit-precision" checked={index === chosen} onChange={() => onChoose(index)} />
                {precisionWords(option)}
              </label>
            </th>
            <td>{bytesText(option.perExpertBytes)}</td>
            <td>{bytesText(option.allExpertsBytes)}</td>
            <td>{bytesText(sum(option.smallest))}</td>
            <td className={option.slotsThatFit === 0 ? 'bad' : ''}>{largestWords(option)}</td>
            <td>{option.loadMs === undefined ? '–' : loadWords(option.loadMs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const sum = (bytes: readonly number[]) => bytes.reduce((total, part) => total + part, 0);

/** "int8, dense fp32" */
const precisionWords = ({ held }: FitOption) =>
  held.experts === held.dense ? held.experts : `${held.experts}, dense ${held.dense}`;

function largestWords(option: FitOption): string {
  const { slotsThatFit, mostSlots } = option;
  if (slotsThatFit === 0) return 'does not fit';
  const slots = slotsThatFit === mostSlots ? 'all experts' : `${slotsThatFit} of ${mostSlots} slots`;
  return `${slots}, ${bytesText(sum(ledgerWith(option, slotsThatFit)))}`;
}

const loadWords = ({ dense, cache }: { dense: number; cache: number }) =>
  dense + cache < 1000 ? 'under 1 s' : spanText(dense + cache);
