import { routedPairs } from '../gating/router.ts';
import type { RunHeader } from '../protocol/run_file.ts';
import type { RecordedStep, RunRecording } from '../protocol/run_recording.ts';
import { bucketSteps, sumOver } from './data/buckets.ts';
import { type CacheUse, cacheUse } from './data/cache_use.ts';
import { computedOf } from './data/computed_misses.ts';
import { type DeviceLoad, deviceLoad } from './data/device_load.ts';
import { type IdleLayer, idleExperts } from './data/idle_experts.ts';
import { type DeviceMemory, memoryUse } from './data/memory_use.ts';
import { type MissCurve, missCurve } from './data/miss_curve.ts';
import { type StepTimes, stepTimes } from './data/step_times.ts';
import { type TextSample, textSamples } from './data/text_samples.ts';

/** What a report says, as numbers: pure functions of the recording, the same for every format of report. */
export interface ReportData {
  readonly exporter: string;
  readonly header: RunHeader;
  readonly complete: boolean;
  readonly truncation?: string;
  readonly endReason?: string;
  readonly totals: RunFigures;
  readonly marks: readonly SettingsChange[];
  readonly idle: readonly IdleLayer[];
  readonly memory: readonly DeviceMemory[];
  readonly cache: CacheUse;
  readonly curve?: MissCurve;
  readonly load: DeviceLoad;
  readonly times: readonly StepTimes[];
  readonly pace: readonly PaceRow[];
  readonly texts: readonly TextSample[];
}

/** Measured. */
export interface RunFigures {
  readonly steps: number;
  /** From the run's start to the last step's end, pauses included. */
  readonly elapsedMs: number;
  /** Time within steps. */
  readonly busyMs: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  /** New tokens by the time within steps; NaN without steps. */
  readonly newTokensPerSecond: number;
  readonly stallMs: number;
  /** Load time that passed while a device ran experts. */
  readonly hiddenMs: number;
  /** Misses that the host computed instead of a load, their time, and the most that was held there for them. */
  readonly computedMisses: number;
  readonly computeMs: number;
  readonly hostBytes: number;
  readonly sequences: number;
  /** Token-expert pairs of all layers, those of them that gating dropped, and rows without a token that experts ran. */
  readonly routedPairs: number;
  readonly droppedPairs: number;
  readonly paddingRows: number;
}

export interface SettingsChange {
  /** First step under it. */
  readonly step: number;
  readonly atMs: number;
  readonly label: string;
  readonly slotsPerLayer: number;
  readonly eviction: string;
  /** In force, the devices' largest: rows of an absent expert that the host may compute before it is copied. */
  readonly copyAfterRows: number;
  readonly placement: string;
  readonly gating: string;
  readonly batch: number;
}

/** A stretch of the run in one table row. Measured. */
export interface PaceRow {
  readonly fromStep: number;
  readonly toStep: number;
  readonly endMs: number;
  readonly newTokensPerSecond: number;
  readonly hitRate: number;
  readonly misses: number;
  readonly stallMs: number;
  readonly computed: number;
  readonly computeMs: number;
}

const PACE_ROWS = 24;

export function reportData(recording: RunRecording): ReportData {
  const { exporter, header, complete, truncation, endReason, settings } = recording;
  const curve = missCurve(recording);
  return {
    exporter,
    header,
    complete,
    ...(truncation !== undefined && { truncation }),
    ...(endReason !== undefined && { endReason }),
    totals: figures(recording),
    marks: settings.map(({ atStep, atMs, label, slotsPerLayer, eviction, copyAfterRows, settings: now }) => ({
      step: atStep,
      atMs,
      label,
      slotsPerLayer,
      eviction,
      copyAfterRows: Math.max(0, ...copyAfterRows),
      placement: now.placement,
      gating: now.gating,
      batch: now.batch,
    })),
    idle: idleExperts(recording),
    memory: memoryUse(recording),
    cache: cacheUse(recording),
    ...(curve && { curve }),
    load: deviceLoad(recording),
    times: stepTimes(recording),
    pace: paceRows(recording),
    texts: textSamples(recording),
  };
}

function figures({ steps, sequences }: RunRecording): RunFigures {
  const all = { from: 0, to: steps.length };
  const at = (step: number) => steps[step] as RecordedStep;
  const busyMs = sumOver(all, (step) => at(step).durationMs);
  const newTokens = sumOver(all, (step) => at(step).emitted.length);
  return {
    steps: steps.length,
    elapsedMs: steps.at(-1)?.endMs ?? 0,
    busyMs,
    promptTokens: sumOver(all, (step) => at(step).phase.reduce((sum, phase) => sum + (phase === 0 ? 1 : 0), 0)),
    newTokens,
    newTokensPerSecond: (newTokens / busyMs) * 1000,
    stallMs: sumOver(all, (step) => at(step).stallMs),
    hiddenMs: sumOver(all, (step) => at(step).hiddenMs),
    computedMisses: sumOver(all, (step) => computedOf(at(step))),
    computeMs: sumOver(all, (step) => at(step).computeMs),
    hostBytes: steps.reduce((most, { hostBytes }) => Math.max(most, hostBytes), 0),
    sequences: sequences.length,
    routedPairs: sumOver(all, (step) => routedPairs(at(step).ids)),
    droppedPairs: sumOver(all, (step) => at(step).droppedPairs),
    paddingRows: sumOver(all, (step) => at(step).paddingRows),
  };
}

function paceRows({ steps }: RunRecording): PaceRow[] {
  return bucketSteps(steps.length, PACE_ROWS).map(({ from, to }) => {
    let hits = 0;
    let misses = 0;
    let newTokens = 0;
    let busyMs = 0;
    let stallMs = 0;
    let computed = 0;
    let computeMs = 0;
    for (const step of steps.slice(from, to)) {
      for (let at = 0; at < step.cache.length; at += 4) {
        hits += step.cache[at] as number;
        misses += step.cache[at + 1] as number;
      }
      newTokens += step.emitted.length;
      busyMs += step.durationMs;
      stallMs += step.stallMs;
      computed += computedOf(step);
      computeMs += step.computeMs;
    }
    const { endMs } = steps[to - 1] as RecordedStep;
    const hitRate = hits / (hits + misses);
    return {
      fromStep: from,
      toStep: to,
      endMs,
      newTokensPerSecond: (newTokens / busyMs) * 1000,
      hitRate,
      misses,
      stallMs,
      computed,
      computeMs,
    };
  });
}
