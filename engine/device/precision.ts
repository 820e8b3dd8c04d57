import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import { type Precision, type PrecisionName, STORED_PRECISION } from '../protocol/settings.ts';

/** Why a WebGPU card does not hold weights as fp16. Nothing is held otherwise than was asked for. */
export const noFloat16 = (device: string): string =>
  `precision: ${device}: this card and its driver offer no float16 (shader-f16), so weights cannot be held as fp16; choose stored, int8 or int4.`;

/** What a CPU device holds weights as: it computes in float32, so what is stored in another type becomes that. */
export function onCpu({ experts, dense }: Precision = STORED_PRECISION): {
  readonly experts: WeightPrecision;
  readonly dense: WeightPrecision;
} {
  return { experts: heldOnCpu(experts), dense: heldOnCpu(dense) };
}

const heldOnCpu = (name: PrecisionName): WeightPrecision => (name === 'stored' ? 'fp32' : name);
