import { antiCorrelation } from './anti_correlation.ts';
import { covariance } from './covariance.ts';
import { greedy } from './greedy.ts';
import { sliceBatches } from './history.ts';
import { levelTokens, splitEqually, type TokenSplit } from './levelling.ts';
import { contiguous, type LoadHistory, type Placement } from './placement.ts';
import { eplbReplicas } from './replicas.ts';
import { type PlacementScore, scorePlacement } from './score.ts';
import { scoreReplicated } from './score_replicated.ts';

export type ComparedMethod =
  | 'contiguous'
  | 'greedy'
  | 'anti-correlation'
  | 'anti-correlation-by-experts'
  | 'covariance'
  | 'eplb'
  | 'eplb-levelled'
  | 'eplb-hierarchical'
  | 'eplb-hierarchical-levelled';

export interface ComparedPlacement {
  readonly method: ComparedMethod;
  /** Experts per layer that the fullest device holds: its memory, in experts. */
  readonly slotsPerDevice: number;
  readonly score: PlacementScore;
}

export interface PlacementComparison {
  readonly historyBatches: number;
  readonly scoredBatches: number;
  readonly placements: readonly ComparedPlacement[];
}

export interface CompareOptions {
  /** Copies beyond one of each expert, over all devices. An eighth of the experts where not given. */
  readonly redundant?: number;
  /** With several nodes that divide the groups and the devices, EPLB is shown hierarchical too. */
  readonly groups?: number;
  readonly nodes?: number;
}

/**
 * Places by the first half of the batches, the shorter one where they are odd, and scores on the second (paper, Load Balancing).
 * Anti-correlation has the paper's coefficient in both scales.
 */
export function comparePlacements(
  history: LoadHistory,
  devices: number,
  { redundant = Math.floor(history.experts / 8), groups = 1, nodes = 1 }: CompareOptions = {},
): PlacementComparison {
  const { layers, experts, batches } = history;
  const half = Math.floor(batches / 2);
  const past = sliceBatches(history, 0, half);
  const future = sliceBatches(history, half, batches);

  const single = (method: ComparedMethod, placement: Placement): ComparedPlacement => ({
    method,
    slotsPerDevice: Math.ceil(experts / devices),
    score: scorePlacement(future, placement),
  });
  const replicated = (method: ComparedMethod, split: TokenSplit, tree = { groups: 1, nodes: 1 }): ComparedPlacement => {
    const placement = eplbReplicas(past, devices, { redundant, ...tree }, split);
    return { method, slotsPerDevice: placement.slotsPerDevice, score: scoreReplicated(future, placement, split) };
  };
  const hierarchical = nodes > 1 && groups % nodes === 0;
  return {
    historyBatches: half,
    scoredBatches: batches - half,
    placements: [
      single('contiguous', contiguous(layers, experts, devices)),
      single('greedy', greedy(past, devices)),
      single('anti-correlation', antiCorrelation(past, devices)),
      single('anti-correlation-by-experts', antiCorrelation(past, devices, { coefficient: 0.5, scale: 'by-experts' })),
      single('covariance', covariance(past, devices)),
      replicated('eplb', splitEqually),
      replicated('eplb-levelled', levelTokens),
      ...(hierarchical
        ? [
            replicated('eplb-hierarchical', splitEqually, { groups, nodes }),
            replicated('eplb-hierarchical-levelled', levelTokens, { groups, nodes }),
          ]
        : []),
    ],
  };
}
