import type { RoutingTrace } from '../trace/trace.ts';

/**
 * Popularity of experts in a real trace, spread over the experts of a synthetic layer.
 *
 * Random routers treat all experts alike; real ones do not, and hot experts are what buffering and balancing are about. A layer's
 * counts in the trace, sorted as they come, become the biases of a synthetic router: bias_e = ln(share_e). With Gumbel noise
 * the first choice would then fall on e with just that share; our noise is a random projection and so normal, whose thin tails let
 * the popular win more often: `routerDeviation` makes up for it. The skew achieved is measured and printed beside the trace's.
 * Time is not taken over: only who is popular.
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

const DRAWS = 1000;
const HALVINGS = 9;
const LARGEST_DEVIATION = 8;

/**
 * Standard deviation of router logits at which as large a share of choices falls on the busiest eighth of experts as is asked for:
 * by halving, over simulated tokens with independent noise. More noise, less skew.
 * @param normal the next value of a standard normal distribution
 */
export function routerDeviation(bias: Float32Array, topK: number, busiestShare: number, normal: () => number): number {
  const noise = Float32Array.from({ length: DRAWS * bias.length }, normal);
  let low = 0;
  let high = LARGEST_DEVIATION;
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2;
    if (busiestEighth(simulatedCounts(bias, topK, noise, middle)) > busiestShare) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function simulatedCounts(bias: Float32Array, topK: number, noise: Float32Array, deviation: number): Uint32Array {
  const experts = bias.length;
  const counts = new Uint32Array(experts);
  const logits = new Float32Array(experts);
  for (let draw = 0; draw < DRAWS; draw++) {
    for (let expert = 0; expert < experts; expert++)
      logits[expert] = (bias[expert] as number) + deviation * (noise[draw * experts + expert] as number);
    for (let choice = 0; choice < topK; choice++) {
      let best = 0;
      for (let expert = 1; expert < experts; expert++)
        if ((logits[expert] as number) > (logits[best] as number)) best = expert;
      counts[best] = (counts[best] as number) + 1;
      logits[best] = Number.NEGATIVE_INFINITY;
    }
  }
  return counts;
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
