import type { LoadHistory } from '../balancing/placement.ts';
import type { RoutingTrace } from '../trace/trace.ts';

/** Token counts per expert of steps [fromStep, toStep): what placements are made from (paper, section "Load Balancing"). */
export function loadHistory(trace: RoutingTrace, fromStep: number, toStep: number): LoadHistory {
  const { moeLayers: layers, experts } = trace;
  const batches = toStep - fromStep;
  const counts = new Uint32Array(batches * layers * experts);
  for (let batch = 0; batch < batches; batch++) {
    const ids = trace.stepIds(fromStep + batch);
    const pairs = ids.length / layers;
    for (let layer = 0; layer < layers; layer++) {
      const to = (batch * layers + layer) * experts;
      for (let pair = layer * pairs; pair < (layer + 1) * pairs; pair++) {
        const expert = ids[pair] as number;
        if (expert < experts) counts[to + expert] = (counts[to + expert] as number) + 1;
      }
    }
  }
  return { layers, experts, batches, counts };
}
