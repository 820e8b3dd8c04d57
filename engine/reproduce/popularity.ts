import type { RoutingTrace } from '../trace/trace.ts';

/**
 * Popularity of experts in a real trace, spread over the experts of a synthetic layer.
 *
 * Random routers treat all experts alike; real ones do not, and hot experts are what buffering and balancing are about. A layer's
 * counts in the trace, sorted as they come, become the biases of a synthetic router: bias_e = ln(share_e). With logits of Gumbel
 * noise the first choice would then fall on e with just that share; our noise is a random projection, close to it but not it, so
 * the skew achieved is measured and printed beside the trace's. Time is not taken over: only who is popular.
 *
 * @param layer MoE layer of the synthetic model; layers beyond the trace's use it again from its start
 * @param experts of the synthetic layer; where the trace has fewer, each stands for several, with its share parted evenly
 * @returns natural logarithms of shares [experts]
 */
export function popularityBias(trace: RoutingTrace, layer: number, experts: number): Float32Array {
  const counts = layerCounts(trace, layer % trace.moeLayers);
  const copies = Math.ceil(experts / trace.experts);
  const shares = Float64Array.from({ length: experts }, (_, expert) => {
    // An expert that the trace never used is rare, not impossible: half a use.
    const count = (counts[expert % trace.experts] as number) || 0.5;
    return count / copies;
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  return Float32Array.from(shares, (share) => Math.log(share / total));
}

/** Token-expert pairs per expert of one layer over the whole trace. */
export function layerCounts(trace: RoutingTrace, layer: number): Uint32Array {
  const counts = new Uint32Array(trace.experts);
  for (let step = 0; step < trace.steps; step++) {
    const ids = trace.stepIds(step);
    const pairs = ids.length / trace.moeLayers;
    for (let pair = layer * pairs; pair < (layer + 1) * pairs; pair++) {
      const expert = ids[pair] as number;
      if (expert < trace.experts) counts[expert] = (counts[expert] as number) + 1;
    }
  }
  return counts;
}

/** Share of all at the busiest eighth; 0.125 is even. */
export function busiestEighth(counts: ArrayLike<number>): number {
  const sorted = Array.from(counts).sort((a, b) => b - a);
  const total = sorted.reduce((sum, value) => sum + value, 0);
  const top = sorted.slice(0, Math.max(1, Math.floor(sorted.length / 8))).reduce((sum, value) => sum + value, 0);
  return total === 0 ? Number.NaN : top / total;
}
