import type { RecordedStep, RunRecording } from '../../protocol/run_recording.ts';
import { STEP_PHASES } from '../../protocol/telemetry.ts';
import { mean } from './buckets.ts';

/** Times of one kind of step, ms. Measured; phases are the slowest rank's. */
export interface StepTimes {
  readonly kind: 'prefill' | 'decode';
  readonly steps: number;
  readonly meanMs: number;
  readonly tokensPerStep: number;
  /** Mean by phase, in the order of STEP_PHASES. */
  readonly phaseMs: readonly number[];
}

const DECODE = 1;

/** A step with any prompt token counts as prefill. Kinds that did not occur are left out. */
export function stepTimes({ steps }: RunRecording): StepTimes[] {
  const isDecode = ({ phase }: RecordedStep) => phase.every((value) => value === DECODE);
  const timesOf = (kind: StepTimes['kind'], chosen: readonly RecordedStep[]): StepTimes => ({
    kind,
    steps: chosen.length,
    meanMs: mean(chosen.map(({ durationMs }) => durationMs)),
    tokensPerStep: mean(chosen.map(({ tokens }) => tokens)),
    phaseMs: STEP_PHASES.map((_, phase) => mean(chosen.map(({ phaseMs }) => phaseMs[phase] as number))),
  });
  const decode = steps.filter(isDecode);
  const prefill = steps.filter((step) => !isDecode(step));
  return [timesOf('prefill', prefill), timesOf('decode', decode)].filter(({ steps: count }) => count > 0);
}
