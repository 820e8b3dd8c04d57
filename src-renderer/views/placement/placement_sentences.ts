/** What each panel of the Placement lab says, in one or two plain sentences. Pure: a table in, words out. */
import type { PlacementRow, PlacementTable } from '../../../engine/protocol/labs.ts';
import { bytesText } from '../../format/bytes.ts';
import { percentText, plain } from '../../format/numbers.ts';
import { bestRow, rangeOf } from './placement_layout.ts';

/** A share as a multiple of the even one. */
const timesEven = (share: number, devices: number): string => plain(share * devices);

const contiguousOf = (rows: readonly PlacementRow[]) => rows.find(({ method }) => method === 'contiguous');

export function balanceSentence({ rows, devices }: PlacementTable): string {
  const best = bestRow(rows);
  if (best === undefined) return '';
  const contiguous = contiguousOf(rows);
  const head = `${best.title}: the busiest device gets ${timesEven(best.avgMaxLoad, devices)} times an even share`;
  const beside =
    contiguous === undefined || contiguous === best
      ? ', and no other method does better'
      : `; contiguous ${timesEven(contiguous.avgMaxLoad, devices)}`;
  return `${head}${beside}.${overfitSentence(rows)}`;
}

/** Scored this much above history, a method has learned the history and not the workload. */
const OVERFIT = 1.05;

function overfitSentence(rows: readonly PlacementRow[]): string {
  const drift = ({ avgMaxLoad, historyAvgMaxLoad }: PlacementRow) => avgMaxLoad / historyAvgMaxLoad;
  const worst = rows
    .filter(({ method, historyAvgMaxLoad }) => method !== 'contiguous' && historyAvgMaxLoad > 0)
    .reduce<PlacementRow | undefined>((a, b) => (a === undefined || drift(b) > drift(a) ? b : a), undefined);
  if (worst === undefined || drift(worst) < OVERFIT) return ' What was learned on the history half holds on the other.';
  return ` ${worst.title} does ${percentText(drift(worst) - 1)} worse than on the history it was made from.`;
}

export function shareSentence(table: PlacementTable, chosen: readonly PlacementRow[]): string {
  const worst = chosen.reduce<PlacementRow | undefined>(
    (a, b) => (a === undefined || Math.max(...b.largestShare) > Math.max(...a.largestShare) ? b : a),
    undefined,
  );
  if (worst === undefined) return 'Tick methods in the list above to see their batches.';
  const peak = Math.max(...worst.largestShare);
  return (
    `In the worst batch the busiest device gets ${percentText(peak)} under ${worst.title}, ` +
    `${timesEven(peak, table.devices)} times an even share.`
  );
}

export function devicesSentence(
  table: PlacementTable,
  shown: 'copies' | 'memory' | 'misses',
  bytesPerCopy: number | undefined,
): string {
  const replicated = table.rows.filter(({ redundant }) => redundant > 0);
  const most = replicated.reduce<PlacementRow | undefined>(
    (a, b) => (a === undefined || b.redundant > a.redundant ? b : a),
    undefined,
  );
  if (shown === 'misses') {
    const worst = table.rows
      .map((row) => ({ row, range: rangeOf(row.missRate) }))
      .sort((a, b) => b.range[1] - a.range[1])[0];
    if (worst === undefined) return '';
    const least = bestMiss(table.rows);
    const beside =
      least === undefined || least === worst.row
        ? ''
        : `; ${least.title} at most ${percentText(rangeOf(least.missRate)[1])}`;
    return `With ${table.slots} slots a layer the worst device misses ${percentText(worst.range[1])} under ${worst.row.title}${beside}.`;
  }
  if (most === undefined) return 'No method holds an expert twice: every device owns its share of the experts.';
  const extra = most.redundant * table.subject.moeLayers.length;
  const price = bytesPerCopy === undefined ? '' : `, ${bytesText(extra * bytesPerCopy)} in all`;
  const share = percentText(most.redundant / table.subject.experts);
  return `Replicas add ${plain(most.redundant)} copies a layer to its ${table.subject.experts} experts: ${share} more${price}.`;
}

const bestMiss = (rows: readonly PlacementRow[]) =>
  [...rows].sort((a, b) => rangeOf(a.missRate)[1] - rangeOf(b.missRate)[1])[0];

/** Why anti-correlation's two scalings differ; the paper's literal one is nearly all correlation. */
export function scalingSentence({ scaling }: PlacementTable): string {
  const ratio = (term: number) => (scaling.meanLoad > 0 ? plain(term / scaling.meanLoad) : '–');
  return (
    `Anti-correlation as printed weighs correlation ${ratio(scaling.literal)} times the mean load; ` +
    `scaled per expert, ${ratio(scaling.perExpert)} times.`
  );
}
