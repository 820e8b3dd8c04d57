/** What each panel of the Gating lab says, in one or two plain sentences. Pure: a table in, words out. */
import type { GatingRow, GatingTable, StackCounts } from '../../../engine/protocol/labs.ts';
import { STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import { bytesText } from '../../format/bytes.ts';
import { count, percentText, plain } from '../../format/numbers.ts';
import { PHASE_WORDS } from '../../format/phases.ts';
import { msText } from '../../format/time.ts';
import { list } from '../../format/words.ts';
import { batchesOf, byCapacity, phaseTotalMs, throughputLines } from './gating_layout.ts';

/** Below this, two figures count as equal in a sentence. */
const NOTABLE = 0.01;

/** Slots that a policy runs for each real row. */
export const rowsPerReal = ({ slots, realRows }: StackCounts): number => (realRows > 0 ? slots / realRows : 0);

export function droppedShare({ droppedPairs, realRows }: GatingRow): number {
  const asked = droppedPairs + realRows;
  return asked > 0 ? droppedPairs / asked : 0;
}

export function slotsSentence({ rows }: GatingTable): string {
  const worst = best(rows, rowsPerReal);
  if (worst === undefined) return '';
  const tight = rows.filter((row) => rowsPerReal(row) <= 1 + NOTABLE && row.droppedPairs === 0);
  const dropping = rows.filter(({ droppedPairs }) => droppedPairs > 0);
  const parts: string[] = [];
  if (rowsPerReal(worst) > 1 + NOTABLE)
    parts.push(`${worst.title} runs ${plain(rowsPerReal(worst))} rows for each real one${stacksText(worst)}`);
  for (const row of dropping) parts.push(`${row.title} drops ${percentText(droppedShare(row))} of what was routed`);
  if (tight.length > 0) {
    const verb = tight.length === 1 ? 'runs' : 'run';
    parts.push(
      `${list(tight.map(({ title }) => title))} ${verb} real rows only and drop${verb === 'runs' ? 's' : ''} none`,
    );
  }
  return `${parts.join('; ')}.`;
}

/** ", 32 in the encoder and 128 in the decoder", where the model has experts in both. */
function stacksText({ stacks }: GatingRow): string {
  if (stacks === undefined) return '';
  const { encoder, decoder } = stacks;
  return `, ${plain(rowsPerReal(encoder))} in the encoder and ${plain(rowsPerReal(decoder))} in the decoder`;
}

export function timeSentence({ rows }: GatingTable): string {
  const slowest = best(rows, ({ stepMs }) => stepMs);
  const fastest = best(rows, ({ stepMs }) => -stepMs);
  if (slowest === undefined || fastest === undefined || rows.length < 2) return '';
  if (slowest.stepMs <= fastest.stepMs * (1 + NOTABLE)) return 'All policies take the same time here.';
  const phase = best(STEP_PHASES, (name) => slowest.phaseMs[name] - fastest.phaseMs[name]) ?? 'other';
  const more = slowest.phaseMs[phase] - fastest.phaseMs[phase];
  const difference = phaseTotalMs(slowest) - phaseTotalMs(fastest);
  const part = difference > 0 && more / difference > 0.5 ? 'most of the difference' : 'the largest difference';
  return (
    `${slowest.title} takes ${msText(slowest.stepMs)} a step, ${plain(slowest.stepMs / fastest.stepMs)} times as long as ` +
    `${fastest.title} with ${msText(fastest.stepMs)}; ${part} is in ${PHASE_WORDS[phase]}.`
  );
}

export function memorySentence({ rows }: GatingTable): string {
  const highest = best(rows, ({ peakBytes }) => peakBytes);
  const lowest = best(rows, ({ peakBytes }) => -peakBytes);
  if (highest === undefined || lowest === undefined) return '';
  const activation = `gating and expert rows hold ${bytesText(highest.activationBytes)} of it`;
  if (highest.peakBytes <= lowest.peakBytes * (1 + NOTABLE / 10)) {
    return `All policies peak at ${bytesText(highest.peakBytes)}; ${activation}.`;
  }
  return (
    `${highest.title} peaks at ${bytesText(highest.peakBytes)}, ${bytesText(highest.peakBytes - lowest.peakBytes)} ` +
    `above ${lowest.title}; ${activation}.`
  );
}

export function throughputSentence(table: GatingTable): string {
  const batches = batchesOf(table);
  const lines = throughputLines(table);
  const points = lines.flatMap(({ title, tokensPerSecond }) =>
    tokensPerSecond.flatMap((value, i) => (value === null ? [] : [{ title, value, batch: batches[i] ?? 0 }])),
  );
  const top = best(points, ({ value }) => value);
  if (top === undefined) return lines.length === 0 ? '' : 'No batch fits the device.';
  const least = best(
    points.filter(({ batch }) => batch === top.batch),
    ({ value }) => -value,
  );
  const beside =
    least === undefined || least.title === top.title ? '' : `, ${plain(top.value / least.value)} times ${least.title}`;
  const missing = lines.flatMap(({ title, tokensPerSecond }) => {
    const first = batches[tokensPerSecond.indexOf(null)];
    return first === undefined ? [] : [`${title} does not fit from batch ${first}`];
  });
  return `${[`${top.title} reaches ${count(top.value)} tok/s at batch ${top.batch}${beside}`, ...missing].join('; ')}.`;
}

/** Why there is no perplexity; `undefined` where there is. */
export function qualityMissing({ quality, rows }: GatingTable): string | undefined {
  if (quality.length > 0) return undefined;
  return rows.some(({ stacks }) => stacks !== undefined)
    ? 'Perplexity is measured for language models only; this model has an encoder.'
    : 'The model has no held-out sample to measure perplexity on.';
}

/** A perplexity within this share of the best is no price. */
const FREE = 0.01;

export function qualitySentence(table: GatingTable): string {
  const points = byCapacity(table);
  const reference = points.at(-1);
  const least = points[0];
  if (reference === undefined || least === undefined) return '';
  const ratio = (point: { readonly perplexity: number }) => point.perplexity / reference.perplexity;
  if (points.length === 1) return `Perplexity ${plain(reference.perplexity)} at C = ${plain(reference.capacity)}.`;
  const free = points.find((point) => ratio(point) <= 1 + FREE) ?? reference;
  const head =
    free === reference
      ? `Every capacity below ${plain(reference.capacity)} costs quality`
      : `C down to ${plain(free.capacity)} costs under 1%`;
  if (free === least) return `${head}, with ${percentText(least.droppedShare)} of the routed pairs dropped.`;
  return (
    `${head}; at C = ${plain(least.capacity)} ${percentText(least.droppedShare)} of the routed pairs are dropped and perplexity is ` +
    `${plain(least.perplexity)} instead of ${plain(reference.perplexity)}.`
  );
}

function best<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  return items.reduce<T | undefined>(
    (found, item) => (found === undefined || value(item) > value(found) ? item : found),
    undefined,
  );
}
