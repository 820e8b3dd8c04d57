import type { RowSplit } from '../balancing/split.ts';
import type { Hidden } from '../device/device.ts';
import type { RuntimeMeter } from '../device/tensors.ts';
import type { DispatchPlan } from '../gating/dispatch_plan.ts';
import type { Exchange } from './exchange.ts';
import type { MemoryLedger } from './ledger.ts';
import type { PhaseClock } from './phase_clock.ts';
import type { RankCaches } from './rank_caches.ts';
import type { RouterAhead } from './router_ahead.ts';

/** What the layers of a rank share. */
export interface LayerParts {
  readonly rank: number;
  readonly experts: number;
  readonly hidden: number;
  readonly caches: RankCaches;
  readonly ahead: RouterAhead;
  readonly exchange: Exchange | undefined;
  readonly ledger: MemoryLedger;
  readonly clock: PhaseClock;
  readonly meter: RuntimeMeter;
}

/** Token rows of a layer: token t is row `at[t]` of matrix `group[t]`. */
export interface TokenRows {
  readonly tokens: number;
  readonly group: Uint16Array;
  readonly at: Int32Array;
}

/** What a MoE layer works on. The plan says which rows each expert gets, the split who runs them. */
export interface MoeLayerInput {
  readonly layer: number;
  readonly rows: TokenRows;
  /** Normed hidden states by group, the experts' input. */
  readonly normed: readonly Hidden[];
  /** Residual stream by group: the weighted sum of expert outputs is added to it. */
  readonly residual: readonly Hidden[];
  readonly residualMultiplier: number;
  /** This layer's choices, from `choiceAt`: [tokens, topK]. */
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  readonly choiceAt: number;
  readonly plan: DispatchPlan;
  /** The layer's placement, and what divides rows over its copies. */
  readonly split: RowSplit;
  /** 1 is set for tokens that waited for a load. */
  readonly waited: Uint8Array;
}
