import type { RecordedStep, RunRecording } from '../../protocol/run_recording.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../protocol/telemetry.ts';
import { bucketSteps, mean } from './buckets.ts';

/** One device's memory ledger, bytes. Measured: what the engine asked for, by category. */
export interface DeviceMemory {
  readonly id: string;
  readonly budgetBytes: number;
  readonly endMs: readonly number[];
  /** At the end of each bucket's last step [category][bucket]. */
  readonly bytes: readonly (readonly number[])[];
  /** Highest total within the steps of each bucket. */
  readonly peakBytes: readonly number[];
  readonly highestBytes: number;
  /** Step of that. */
  readonly highestStep: number;
  /** Mean at the end of a step, by category. */
  readonly meanBytes: readonly number[];
  /** Mean rise of a step's peak over its end: what gating, reordering and experts need for a moment. */
  readonly meanSpikeBytes: number;
}

export function memoryUse({ header, steps }: RunRecording): DeviceMemory[] {
  const buckets = bucketSteps(steps.length);
  const ends = buckets.map(({ to }) => steps[to - 1] as RecordedStep);
  return header.devices.map(({ id, budgetBytes }, device) => {
    const at = ({ ledgerBytes }: RecordedStep, category: number) =>
      ledgerBytes[device * CATEGORY_COUNT + category] as number;
    const total = (step: RecordedStep) => LEDGER_CATEGORIES.reduce((sum, _, category) => sum + at(step, category), 0);
    const peak = ({ peakBytes }: RecordedStep) => peakBytes[device] as number;
    let highest = steps[0];
    for (const step of steps) if (peak(step) > peak(highest as RecordedStep)) highest = step;
    return {
      id,
      budgetBytes,
      endMs: ends.map(({ endMs }) => endMs),
      bytes: LEDGER_CATEGORIES.map((_, category) => ends.map((step) => at(step, category))),
      peakBytes: buckets.map(({ from, to }) =>
        steps.slice(from, to).reduce((most, step) => Math.max(most, peak(step)), 0),
      ),
      highestBytes: highest === undefined ? 0 : peak(highest),
      highestStep: highest?.step ?? 0,
      meanBytes: LEDGER_CATEGORIES.map((_, category) => mean(steps.map((step) => at(step, category)))),
      meanSpikeBytes: mean(steps.map((step) => Math.max(0, peak(step) - total(step)))),
    };
  });
}
