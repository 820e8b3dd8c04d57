import type { ExpertLife, ExpertsMap } from '../../../engine/protocol/labs.ts';
import { layerName } from '../../format/layer_names.ts';
import { count, percentText } from '../../format/numbers.ts';
import { plural } from '../../format/words.ts';

/** What the Experts view computes and says from its answers: pure. */

export type Metric = 'tokens' | 'hits' | 'misses' | 'residency';

export interface ColourEnd {
  /** Where the colour map ends. */
  readonly value: number;
  /** Some cells lie above it. */
  readonly isCut: boolean;
}

/** Share of the cells in use that the colour map spreads over, where a few outliers would leave all others dark. */
const SPREAD = 0.99;

/** Where the colours end: at the highest cell, or at the 99th percentile of those in use where the highest is over twice that. */
export function colourEnd(map: ExpertsMap, metric: Exclude<Metric, 'residency'>): ColourEnd {
  const used = map[metric].flatMap((row) => row.filter((value) => value > 0)).sort((a, b) => a - b);
  const highest = used.at(-1) ?? 0;
  const spread = used[Math.ceil((used.length - 1) * SPREAD)] ?? 0;
  return highest > 2 * spread ? { value: spread, isCut: true } : { value: highest, isCut: false };
}

/** Index of the layer whose tokens go to the fewest experts: what is shown before anything is chosen. */
export const mostConcentrated = ({ concentration }: ExpertsMap): number =>
  concentration.reduce((best, value, layer) => (value > (concentration[best] ?? 0) ? layer : best), 0);

export const busiestExpert = ({ tokens }: ExpertsMap, layer: number): number =>
  (tokens[layer] ?? []).reduce((best, value, expert, row) => (value > (row[best] ?? 0) ? expert : best), 0);

/** First rows of stacks after the first: a map leaves a gap there. */
export const stackBreaks = (layers: ExpertsMap['subject']['moeLayers']): readonly number[] =>
  layers.flatMap(({ stack }, index) => (index > 0 && layers[index - 1]?.stack !== stack ? [index] : []));

/** Experts that an eighth is: at least one. */
export const eighthOf = (experts: number): number => Math.max(1, Math.floor(experts / 8));

/** "Layer 9, expert 41: 122 tokens (3.2% of the layer's), 118 hits, 4 misses, resident at the end". */
export function cellText(map: ExpertsMap, layer: number, expert: number): string {
  const tokens = map.tokens[layer]?.[expert] ?? 0;
  const all = (map.tokens[layer] ?? []).reduce((sum, value) => sum + value, 0);
  const hits = map.hits[layer]?.[expert] ?? 0;
  const misses = map.misses[layer]?.[expert] ?? 0;
  const parts = [
    `${plural(tokens, 'token')} (${percentText(all === 0 ? 0 : tokens / all)} of the layer's)`,
    plural(hits, 'hit'),
    plural(misses, 'miss', 'misses'),
    residencyText(map, map.residentOn[layer]?.[expert] ?? -1),
  ];
  return `${layerTitle(map, layer)}, expert ${expert}: ${parts.join(', ')}`;
}

export function residencyText({ subject }: Pick<ExpertsMap, 'subject'>, device: number): string {
  if (device < 0) return 'in host memory at the end';
  return subject.devices > 1 ? `on device ${device} at the end` : 'resident at the end';
}

export function layerTitle({ subject }: Pick<ExpertsMap, 'subject'>, layer: number): string {
  const name = layerName(subject.moeLayers, layer);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** "Layer 9: an eighth of the experts gets 61% of the tokens; 74% of them the same in both halves." */
export function layerSays(map: ExpertsMap, layer: number): string {
  const share = map.concentration[layer] ?? 0;
  const same = map.stability[layer] ?? 0;
  const busiest = eighthOf(map.subject.experts);
  return (
    `${layerTitle(map, layer)}: an eighth of the experts (${count(busiest)}) gets ${percentText(share)} of the tokens; ` +
    `${percentText(same)} of them the same in both halves.`
  );
}

/** What the whole map says: how far the layers differ, and how many experts nobody asked for. */
export function mapSays(map: ExpertsMap): string {
  const cells = map.tokens.length * map.subject.experts;
  const unused = map.tokens.reduce((sum, row) => sum + row.filter((value) => value === 0).length, 0);
  const most = mostConcentrated(map);
  const rest =
    unused === 0
      ? 'Every expert of every layer got a token.'
      : `${count(unused)} of ${count(cells)} experts (${percentText(unused / Math.max(1, cells))}) got no token at all.`;
  return `${layerTitle(map, most)} is the most concentrated: an eighth of its experts gets ${percentText(map.concentration[most] ?? 0)}. ${rest}`;
}

export interface Stay {
  readonly from: number;
  /** The step in which it left, or the end of the run. */
  readonly to: number;
}

/** When an expert was resident: from a load (or the start, where it is hit before it is loaded) to its eviction. */
export function stays({ events }: NonNullable<ExpertLife['expert']>, steps: number): readonly Stay[] {
  const result: Stay[] = [];
  let since: number | undefined = events[0]?.kind === 'hit' || events[0]?.kind === 'evict' ? 0 : undefined;
  for (const { step, kind } of events) {
    if (kind === 'load') since ??= step;
    if (kind === 'evict' && since !== undefined) {
      result.push({ from: since, to: step });
      since = undefined;
    }
  }
  if (since !== undefined) result.push({ from: since, to: steps });
  return result;
}

export function lifeSays(life: ExpertLife): string {
  const { expert, subject } = life;
  if (expert === undefined) return '';
  const hits = expert.events.filter(({ kind }) => kind === 'hit').length;
  const computed = expert.events.filter(({ kind }) => kind === 'compute').length;
  const asked = hits + expert.loads + computed;
  const { steps } = subject;
  const active = `Active in ${count(expert.activeSteps)} of ${plural(steps, 'step')} (${percentText(expert.activeSteps / Math.max(1, steps))})`;
  if (asked === 0) return `${active}.`;
  const times = (n: number) => (n === 1 ? 'once' : `${count(n)} times`);
  const onHost = computed === 0 ? '' : `, computed on the host ${times(computed)}`;
  return `${active}, loaded ${times(expert.loads)}${onHost}, found resident ${percentText(hits / asked)} of the time.`;
}
