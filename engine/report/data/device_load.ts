import type { RecordedStep, RunRecording } from '../../protocol/run_recording.ts';
import { bucketSteps, mean, sumOver } from './buckets.ts';

/** How evenly token-expert pairs fall on the devices. Measured. */
export interface DeviceLoad {
  readonly endMs: readonly number[];
  /** Share of the pairs [device][bucket], weighted by each step's tokens. */
  readonly share: readonly (readonly number[])[];
  /** By device, over the whole run. */
  readonly meanShare: readonly number[];
  /** Largest share of any device in any step. */
  readonly maxLoad: number;
  /** Mean over the steps of the most loaded device's share; 1/D is even. */
  readonly averageMaxLoad: number;
}

export function deviceLoad({ header, steps }: RunRecording): DeviceLoad {
  const buckets = bucketSteps(steps.length);
  const at = (step: number) => steps[step] as RecordedStep;
  const weighted = (from: number, to: number, device: number) => {
    const tokens = sumOver({ from, to }, (step) => at(step).tokens);
    return sumOver({ from, to }, (step) => (at(step).share[device] as number) * at(step).tokens) / tokens;
  };
  // A step without a token has no share to speak of.
  const largest = steps
    .filter(({ tokens }) => tokens > 0)
    .map(({ share }) => share.reduce((a, b) => Math.max(a, b), 0));
  return {
    endMs: buckets.map(({ to }) => at(to - 1).endMs),
    share: header.devices.map((_, device) => buckets.map(({ from, to }) => weighted(from, to, device))),
    meanShare: header.devices.map((_, device) => weighted(0, steps.length, device)),
    maxLoad: largest.reduce((a, b) => Math.max(a, b), 0),
    averageMaxLoad: mean(largest),
  };
}
