import { EngineRefusal } from '../api.ts';
import { contiguous } from '../balancing/placement.ts';
import { GATING_POLICIES } from '../gating/policies.ts';
import type { CacheTable } from '../protocol/labs.ts';
import { bytesHeld } from '../protocol/model.ts';
import type { RecordedSettings, RecordedStep, RunRecording } from '../protocol/run_recording.ts';
import type { PrefetchName } from '../protocol/settings.ts';
import { LEDGER_CATEGORIES } from '../protocol/telemetry.ts';
import type { CacheQuestion } from '../replay/cache_table.ts';
import type { CacheChange } from '../replay/replay_cache.ts';
import { toTimeline } from '../report/recording.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import type { LabMaterial } from './lab_source.ts';
import { CACHE_COUNTERS } from './step_row.ts';

/** Fewer loads than this do not make a mean. */
const FEWEST_LOADS = 8;
const EXPERTS = LEDGER_CATEGORIES.indexOf('experts');

/** What a cache table is made of: a run's placement, costs and setting in force, or a trace on one device. */
export function cacheQuestion(
  { subject, trace, recording }: LabMaterial,
  params: Pick<CacheQuestion, 'slots' | 'scored' | 'scope' | 'prefetch'>,
): CacheQuestion {
  const { slots, scored } = params;
  if (params.prefetch === 'router' && !hasForeseen(trace)) {
    throw new EngineRefusal(
      `${subject.name}: what routers foresaw is not recorded of its steps; choose prefetch echo or off, or take a run that had it on.`,
    );
  }
  const asked = { subject, trace, scored, ...(slots && { slots }) };
  if (recording === undefined) {
    const { scope = 'layer' } = params;
    const { prefetch = 'off' } = params;
    return { ...asked, scope, prefetch, placement: contiguous(trace.moeLayers, trace.experts, 1) };
  }
  const { changes } = toTimeline(recording);
  const last = changes[changes.length - 1] as CacheChange;
  const cost = costOf(recording);
  const { scope = last.scope ?? 'layer' } = params;
  const recorded = last.prefetch ?? 'off';
  const { prefetch = recorded === 'router' && !hasForeseen(trace) ? 'off' : recorded } = params;
  // Of slots shared otherwise the table has no curve to mark it on.
  const inForce = scope === (last.scope ?? 'layer') ? inForceOf(recording.steps, last) : undefined;
  return {
    ...asked,
    placement: last.placement,
    scope,
    prefetch,
    ...(last.activeSet && { activeSet: last.activeSet }),
    ...(cost && { cost }),
    ...(inForce && { inForce }),
    notes: notesOf(recording.settings, last, prefetch),
  };
}

/** Joined steps have none, and a run only where its prefetch was by routers. */
function hasForeseen(trace: RoutingTrace): boolean {
  return trace.step(trace.steps - 1).foreseen !== undefined;
}

/** What sets the table apart from what was measured. */
function notesOf(settings: RunRecording['settings'], last: CacheChange, prefetch: PrefetchName): string[] {
  const notes: string[] = [];
  if (settings.length > 1) {
    notes.push(
      'Settings changed during the run; the table replays all of it under the placement, gating and sharing of slots in force at its end, and the measured point counts from the last change on.',
    );
  }
  const { title, activeSet } = GATING_POLICIES[(settings[settings.length - 1] as RecordedSettings).settings.gating];
  if (activeSet === 'all') {
    notes.push(
      `${title} gating asks for every expert that a device holds in every step, chosen or not: its misses are counted so.`,
    );
  }
  if (last.copyAfterRows?.some((rows) => rows > 0))
    notes.push(
      'The run computed missing experts on the host (copyAfterRows); the table counts every miss as a load, and its costs leave that computing out. `moe copies` sets the two side by side.',
    );
  const { prefetch: recorded = 'off' } = last;
  if (prefetch !== recorded)
    notes.push(
      `The run had prefetch ${recorded} in force at its end; the table has it ${prefetch}, so the measured point lies apart.`,
    );
  return notes;
}

/** Measured in the run; absent where it loaded too little to say what a load takes. */
export function costOf({ header, steps }: RunRecording): CacheTable['cost'] {
  const devices = header.devices.length;
  let [stallMs, workMs, loads, newTokens, fixedBytes] = [0, 0, 0, 0, 0];
  for (const step of steps) {
    stallMs += step.stallMs;
    workMs += step.durationMs - step.stallMs - step.computeMs;
    newTokens += step.emitted.length;
    // The stall is the slowest device's, and so are the loads that it is divided by.
    loads += Math.max(...Array.from({ length: devices }, (_, device) => sumOf(step, devices, 2, device)));
    for (let device = 0; device < devices; device++) {
      const experts = step.ledgerBytes[device * LEDGER_CATEGORIES.length + EXPERTS] as number;
      fixedBytes = Math.max(fixedBytes, (step.peakBytes[device] as number) - experts);
    }
  }
  if (loads < FEWEST_LOADS) return undefined;
  return {
    fixedBytes,
    bytesPerSlot: header.moeLayers * bytesHeld(header.model, header.settings.precision).perExpert,
    baseStepMs: workMs / steps.length,
    loadMs: stallMs / loads,
    newTokensPerStep: newTokens / steps.length,
  };
}

function inForceOf(
  steps: readonly RecordedStep[],
  { atStep, eviction, slotsPerLayer }: CacheChange,
): CacheTable['inForce'] {
  let [hits, misses] = [0, 0];
  for (const step of steps.slice(atStep)) {
    hits += sumOf(step, 1, 0, 0);
    misses += sumOf(step, 1, 1, 0);
  }
  if (hits + misses === 0) return undefined;
  return { policy: eviction, slots: slotsPerLayer, measuredMissRate: misses / (hits + misses) };
}

/** One of a step's counters over the layers of a device; taken as one device, over all. */
function sumOf({ cache }: RecordedStep, devices: number, counter: number, device: number): number {
  const width = cache.length / devices;
  let sum = 0;
  for (let at = device * width + counter; at < (device + 1) * width; at += CACHE_COUNTERS) sum += cache[at] as number;
  return sum;
}
