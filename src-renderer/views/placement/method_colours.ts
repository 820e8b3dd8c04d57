import type { PlacementName } from '../../../engine/protocol/settings.ts';

/** Methods have their colours wherever they are drawn; devices have others. */
const METHOD_VARIABLES: Readonly<Record<PlacementName, string>> = {
  contiguous: '--m-embedding',
  greedy: '--p-combine',
  'anti-correlation': '--m-gating',
  'anti-correlation-scaled': '--p-reorder',
  covariance: '--m-kv',
  eplb: '--m-experts',
  replicated: '--m-execution',
  levelled: '--accent',
};

export const methodVariable = (method: string): string => METHOD_VARIABLES[method as PlacementName] ?? '--axis';
