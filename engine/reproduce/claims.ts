import type { How } from './figure.ts';

/** A number that the paper prints, and ours. */
export interface Claim {
  readonly id: ClaimId;
  readonly title: string;
  readonly paper: number;
  readonly ours: number;
  readonly unit: 'x' | '%';
  /** Measured, replayed or projected, and on what: one clause. */
  readonly how: string;
  /** Reached or beaten. */
  readonly holds: boolean;
}

interface PaperClaim {
  readonly title: string;
  readonly paper: number;
  readonly unit: Claim['unit'];
}

/**
 * The paper's headlines. Larger is better in all of them. Throughputs are those of one node against the static baseline and
 * against Tutel; activation memory is that of its largest static batch; the static memory ratio is that of the smallest cache
 * (32.2% saved, 1 / (1 - 0.322)); Max Load fell from "over 0.6" to "under 0.4", a third.
 */
export const PAPER_CLAIMS = {
  'lm.dynamic_over_static': { title: 'LM: throughput, dynamic over static', paper: 6.21, unit: 'x' },
  'mt_encoder.dynamic_over_static': { title: 'MT encoder: throughput, dynamic over static', paper: 5.75, unit: 'x' },
  'mt_decoder.dynamic_over_static': { title: 'MT decoder: throughput, dynamic over static', paper: 2.58, unit: 'x' },
  'lm.dynamic_over_tutel': { title: 'LM: throughput, dynamic over Tutel', paper: 3.32, unit: 'x' },
  'mt_encoder.dynamic_over_tutel': { title: 'MT encoder: throughput, dynamic over Tutel', paper: 5.33, unit: 'x' },
  'mt_decoder.dynamic_over_tutel': { title: 'MT decoder: throughput, dynamic over Tutel', paper: 1.88, unit: 'x' },
  'lm.activation_memory_saved': { title: 'LM: activation memory saved by dynamic gating', paper: 79.6, unit: '%' },
  'mt.activation_memory_saved': { title: 'MT: activation memory saved by dynamic gating', paper: 44.2, unit: '%' },
  static_memory_ratio_smallest_cache: {
    title: 'Static memory without buffering over that of the smallest cache',
    paper: 1.47,
    unit: 'x',
  },
  max_load_reduction: { title: 'Max Load cut by placement', paper: 33, unit: '%' },
} as const satisfies Record<string, PaperClaim>;
export type ClaimId = keyof typeof PAPER_CLAIMS;

export function claim(id: ClaimId, ours: number, how: How, on: string): Claim {
  const { title, paper, unit } = PAPER_CLAIMS[id];
  return { id, title, paper, ours, unit, how: `${how}: ${on}`, holds: ours >= paper };
}
