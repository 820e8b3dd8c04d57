import type { EngineSnapshot } from '../../../engine/protocol/messages.ts';
import type { ModelSummary } from '../../../engine/protocol/model.ts';
import type { GatingName, PlacementName } from '../../../engine/protocol/settings.ts';
import { type Audit, STEP_PHASES, type StepProfile } from '../../../engine/protocol/telemetry.ts';
import { bytesText } from '../../format/bytes.ts';
import { capitalize, hasBothStacks, layerName } from '../../format/layer_names.ts';
import { count, fixed, percentText, plain, tile } from '../../format/numbers.ts';
import { PHASE_WORDS } from '../../format/phases.ts';
import { msText } from '../../format/time.ts';
import { list, plural } from '../../format/words.ts';
import { shortTitle } from '../../stores/run_settings.ts';
import type { HostState } from '../../stores/session.ts';
import {
  type CacheChange,
  type DeviceStats,
  EXPERTS,
  type IdleLayer,
  type LayerCounts,
  type LiveStats,
} from './live_stats.ts';
import { profileRise } from './step_profile.ts';

/** What each panel says now, in one or two plain sentences. Pure: numbers in, words out. */

type MoeLayers = ModelSummary['moeLayers'];

/** Layers named in one sentence; more would not be read. */
const MOST_NAMED = 3;

const NO_STEPS = '';

export function idleSentence(idle: readonly IdleLayer[], experts: number, layers: MoeLayers): string {
  const most = extreme(idle, (layer) => layer.mean);
  const least = extreme(idle, (layer) => -layer.mean);
  if (most === undefined || least === undefined) return NO_STEPS;
  if (hasBothStacks(layers)) return stacksSentence(idle, experts, layers);
  const mostIdle = Math.round(idle[most]?.mean ?? 0);
  if (mostIdle === 0) return 'Every layer uses all of its experts.';
  const head = `${capitalize(layerName(layers, most))} leaves ${mostIdle} of ${experts} experts idle`;
  if (idle.length === 1) return `${head}.`;
  const busy = idle.flatMap((layer, index) => (layer.mean < experts / 2 && index !== most ? [index] : []));
  if (busy.length === idle.length - 1 && busy.length > MOST_NAMED)
    return `${head}; every other layer uses most of theirs.`;
  if (busy.length > MOST_NAMED) return `${head}; ${plural(busy.length, 'layer')} use most of theirs.`;
  if (busy.length > 0) {
    const verb = busy.length === 1 ? 'uses most of its own' : 'use most of theirs';
    return `${head}; ${layersText(busy, layers)} ${verb}.`;
  }
  const fewest = Math.round(idle[least]?.mean ?? 0);
  return `${head}; even ${layerName(layers, least)}, the busiest, leaves ${fewest}.`;
}

/** Mean of a stack's layers that ran in the time shown; undefined where none did. */
function stackMean(idle: readonly IdleLayer[], layers: MoeLayers, stack: MoeLayers[number]['stack']) {
  const shown = idle.filter((layer, index) => layers[index]?.stack === stack && layer.steps > 0);
  return shown.length === 0 ? undefined : shown.reduce((sum, layer) => sum + layer.mean, 0) / shown.length;
}

/** The paper's finding about translation: an encoder reads a batch at once, a decoder writes a token a sentence. */
function stacksSentence(idle: readonly IdleLayer[], experts: number, layers: MoeLayers): string {
  const words = (['encoder', 'decoder'] as const).flatMap((stack) => {
    const mean = stackMean(idle, layers, stack);
    const which = stack === 'encoder' ? 'a step that encodes' : 'a step';
    return mean === undefined
      ? []
      : [
          `the ${stack} leaves ${fixed(mean, 0)} of ${experts} experts idle in ${which} (${percentText(mean / experts)})`,
        ];
  });
  return words.length === 0 ? NO_STEPS : `${capitalize(words.join('; '))}.`;
}

function layersText(indices: readonly number[], layers: MoeLayers): string {
  if (indices.length > 1 && !hasBothStacks(layers)) {
    return `layers ${list(indices.map((index) => String(layers[index]?.block ?? index)))}`;
  }
  return list(indices.map((index) => layerName(layers, index)));
}

export function memorySentence(
  device: DeviceStats | undefined,
  index: number,
  budgetBytes: number | undefined,
  change: CacheChange | undefined,
): string {
  if (device === undefined) return NO_STEPS;
  const experts = device.ledgerBytes[EXPERTS] ?? 0;
  const before = change?.expertsBefore[index];
  const delta = before === undefined ? 0 : experts - before;
  const since =
    change !== undefined && delta !== 0
      ? `, ${bytesText(Math.abs(delta))} ${delta < 0 ? 'less' : 'more'} than before step ${count(change.step)}`
      : '';
  const adds =
    since === '' && device.riseBytes >= 1 ? `; a step adds ${bytesText(device.riseBytes)} while it runs` : '';
  const room = budgetBytes === undefined ? '' : ` ${roomText(budgetBytes - device.peakBytes)}`;
  return `Experts hold ${bytesText(experts)} of ${bytesText(device.totalBytes)}${since}${adds}.${room}`;
}

function roomText(bytes: number): string {
  if (bytes < 0) return `The peak was ${bytesText(-bytes)} over the budget.`;
  return `The peak left ${bytesText(bytes)} of the budget free.`;
}

export function profileSentence(profile: StepProfile | undefined): string {
  if (profile === undefined || profile.atMs.length === 0) return 'No step has been profiled yet.';
  const { floorBytes, riseBytes, peakMs, gatingBytes, executionBytes } = profileRise(profile);
  const where = gatingBytes >= executionBytes ? 'gating and reordering' : 'expert execution';
  return (
    `Step ${count(profile.step)} on device ${profile.device} rises ${bytesText(riseBytes)} above its floor of ` +
    `${bytesText(floorBytes)}, ${msText(peakMs)} after it began; ${where} needs most.`
  );
}

export function cacheSentence(stats: LiveStats | undefined, slotsPerLayer: number | undefined): string {
  if (stats === undefined) return NO_STEPS;
  const accesses = stats.hits + stats.misses;
  const slots = slotsPerLayer === undefined ? 'Now' : `${plural(slotsPerLayer, 'slot')} a layer`;
  if (accesses === 0) return `${slots}: no expert was asked for.`;
  if (stats.misses === 0) return `${slots}: every expert asked for was resident, nothing waited.`;
  const rate = percentText(stats.misses / accesses);
  const stall = `${msText(stats.stallMsPerStep)} stall a step`;
  if (stats.computed === 0) return `${slots}: ${rate} of requests load an expert, ${stall}.`;
  const onHost = `${percentText(stats.computed / stats.misses)} of them computed on the host in ${msText(stats.computeMsPerStep)} a step`;
  return `${slots}: ${rate} of requests miss, ${onHost}, ${stall}.`;
}

export interface AuditText {
  readonly text: string;
  /** Replayed and measured counters agree to the unit (law 4 of the design). */
  readonly agrees: boolean;
}

export function auditText(audit: Audit | undefined): AuditText {
  if (audit === undefined) return { text: 'Not replayed yet.', agrees: true };
  const { replayed, measured } = audit;
  const differing = (['misses', 'hits', 'loads', 'evictions'] as const).find((key) => replayed[key] !== measured[key]);
  if (differing === undefined) {
    return { text: `Replayed ${count(replayed.misses)} misses, measured ${count(measured.misses)}.`, agrees: true };
  }
  return {
    text: `Replayed ${count(replayed[differing])} ${differing}, measured ${count(measured[differing])}: they must agree.`,
    agrees: false,
  };
}

export function missesSentence(cache: readonly LayerCounts[], layers: MoeLayers): string {
  const worst = extreme(cache, missShare);
  const layer = worst === undefined ? undefined : cache[worst];
  if (worst === undefined || layer === undefined || layer.misses === 0) return 'No layer missed.';
  return `${capitalize(layerName(layers, worst))} misses most, ${percentText(missShare(layer))} of its requests.`;
}

export const missShare = ({ hits, misses }: LayerCounts): number =>
  hits + misses === 0 ? 0 : misses / (hits + misses);

/** @param even share of each device that the run still has */
export function loadSentence(stats: LiveStats | undefined, placement: PlacementName, even: number): string {
  if (stats === undefined) return NO_STEPS;
  const { devices } = stats;
  if (devices.length < 2) {
    return `${phaseSentence(stats)} Add a device in the inspector to see the load divide.`;
  }
  const busiest = extreme(devices, (device) => device.meanShare) ?? 0;
  const mean = devices[busiest]?.meanShare ?? 0;
  return (
    `${shortTitle(placement)} placement: device ${busiest} takes ${percentText(mean)} in the mean ` +
    `step; the fullest device took ${percentText(stats.maxShare)} at worst. Even would be ${percentText(even)}.`
  );
}

export function phaseSentence(stats: LiveStats | undefined): string {
  const phases = stats?.phaseMs ?? [];
  const total = phases.reduce((sum, ms) => sum + ms, 0);
  const longest = extreme(phases, (ms) => ms);
  const phase = longest === undefined ? undefined : STEP_PHASES[longest];
  if (longest === undefined || phase === undefined || total === 0) return NO_STEPS;
  const share = (phases[longest] ?? 0) / total;
  return `${capitalize(PHASE_WORDS[phase])} ${phase === 'experts' ? 'take' : 'takes'} ${percentText(share)} of a step${(stats?.devices.length ?? 1) < 2 ? '' : ' on the slowest device'}.`;
}

/** Policies that may pad rows or drop pairs. */
const PADDED: readonly GatingName[] = ['static', 'tutel', 'megablocks'];

/**
 * What padded gating cost in the time shown, in rows and pairs; nothing where none was padded or dropped.
 * @param gating in force now
 */
export function gatingSentence(stats: LiveStats | undefined, gating: GatingName): string {
  if (stats === undefined) return NO_STEPS;
  const { routedPairs, droppedPairs, paddingRows } = stats;
  const real = routedPairs - droppedPairs;
  if (real <= 0 || (paddingRows === 0 && droppedPairs === 0)) return NO_STEPS;
  const who = PADDED.includes(gating) ? `${shortTitle(gating)} gating` : 'Gating before the last change';
  const rows = `${who} ran ${plain((real + paddingRows) / real)} rows for each real one`;
  return droppedPairs === 0
    ? `${rows}, and dropped nothing.`
    : `${rows}, and dropped ${percentText(droppedPairs / routedPairs)} of pairs.`;
}

export function textNote(sequences: number, batch: number | undefined): string {
  const running = plural(sequences, 'sequence');
  return batch === undefined ? running : `${running} in flight, batch ${batch}`;
}

/** Why there is nothing to draw and what to do; `undefined` while a run has steps. */
export function emptyReason(snapshot: EngineSnapshot, host: HostState, hasSteps: boolean): string | undefined {
  if (hasSteps) return undefined;
  if (host.kind === 'gone') return `The engine is gone: ${host.reason}. Restart it to go on.`;
  if (host.kind === 'connecting') return 'Looking for the engine.';
  const name = snapshot.model?.name ?? 'the model';
  switch (snapshot.state) {
    case 'empty':
      return 'No model is open. Open a model folder, or drop one here.';
    case 'opening':
      return 'Opening the model.';
    case 'ready':
      return `Press Run: ${name} is ready.`;
    case 'starting':
      return `Loading ${name}.`;
    case 'running':
    case 'paused':
      return 'The first step is not done yet.';
    case 'stopping':
      return 'Stopping.';
    case 'finished':
      return 'The run ended before its first step.';
    case 'failed':
      return snapshot.error ?? 'The last operation failed; the log says why.';
  }
}

/** Why the data stands still; `undefined` while it moves. */
export function frozenReason(snapshot: EngineSnapshot, host: HostState, lastStep: number): string | undefined {
  if (host.kind === 'gone') return `engine gone at step ${count(lastStep)}`;
  switch (snapshot.state) {
    case 'paused':
      return `paused at step ${count(lastStep)}`;
    case 'finished':
      return `finished at step ${count(lastStep)}`;
    case 'failed':
      return `failed at step ${count(lastStep)}`;
    case 'ready':
      return `stopped at step ${count(lastStep)}`;
    default:
      return undefined;
  }
}

export function idleFigure(stats: LiveStats | undefined, experts: number, layers: MoeLayers): string {
  if (stats === undefined) return '–';
  if (!hasBothStacks(layers)) return tile(stats.meanIdle);
  const share = (stack: MoeLayers[number]['stack']) => {
    const mean = stackMean(stats.idle, layers, stack);
    return mean === undefined ? '–' : `${Math.round((100 * mean) / Math.max(1, experts))}%`;
  };
  return `${share('encoder')} / ${share('decoder')}`;
}

/** Index of the largest value; the first one of equals. */
function extreme<T>(items: readonly T[], value: (item: T) => number): number | undefined {
  let best: number | undefined;
  let bestValue = Number.NEGATIVE_INFINITY;
  items.forEach((item, index) => {
    if (value(item) > bestValue) {
      best = index;
      bestValue = value(item);
    }
  });
  return best;
}
