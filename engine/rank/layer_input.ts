import type { ExpertCache } from '../buffering/expert_cache.ts';
import type { DispatchPlan } from '../gating/dispatch_plan.ts';

/** Token rows of a layer: token t is row `at[t]` of matrix `group[t]`. */
export interface TokenRows {
  readonly tokens: number;
  readonly group: Uint16Array;
  readonly at: Int32Array;
}

/** What a MoE layer works on. The plan says which rows each expert gets, the placement who owns it. */
export interface MoeLayerInput {
  readonly layer: number;
  readonly rows: TokenRows;
  /** Normed hidden states by group, the experts' input. */
  readonly normed: readonly Float32Array[];
  /** Residual stream by group: the weighted sum of expert outputs is added to it. */
  readonly residual: readonly Float32Array[];
  readonly residualMultiplier: number;
  /** This layer's choices, from `choiceAt`: [tokens, topK]. */
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  readonly choiceAt: number;
  readonly plan: DispatchPlan;
  readonly deviceOf: Uint8Array;
  readonly cache: ExpertCache;
  /** 1 is set for tokens that waited for a load. */
  readonly waited: Uint8Array;
}
