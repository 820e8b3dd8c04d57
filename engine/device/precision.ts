import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import { type Precision, type PrecisionName, STORED_PRECISION } from '../protocol/settings.ts';

/** What a CPU device holds weights as: it computes in float32, so what is stored in another type becomes that. */
export function onCpu({ experts, dense }: Precision = STORED_PRECISION): {
  readonly experts: WeightPrecision;
  readonly dense: WeightPrecision;
} {
  return { experts: heldOnCpu(experts), dense: heldOnCpu(dense) };
}

const heldOnCpu = (name: PrecisionName): WeightPrecision => (name === 'stored' ? 'fp32' : name);
