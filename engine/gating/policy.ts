import type { GatingSettings } from '../protocol/settings.ts';
import type { DispatchPlan } from './dispatch_plan.ts';

/**
 * Which of a device's experts run in a step: those that a token chose, or all of them since a padded batch is never empty.
 * It is what the expert cache is asked for, so live caches and their replay both go by it.
 */
export type ActiveSet = 'routed' | 'all';

/** A layer's call, at its largest. */
export interface GatingShape {
  /** Tokens of one rank, and of all of them together: at most this many. */
  readonly tokens: number;
  readonly experts: number;
  readonly topK: number;
  readonly ranks: number;
  readonly expertsPerDevice: number;
}

/** Rows at the worst routing there can be: what memory is planned with. */
export interface GatingBound {
  /** That one rank sends in a layer. */
  readonly sentRows: number;
  /** That come to one device's experts. */
  readonly arrivedRows: number;
  /** That one device's experts run: arrived ones padded to whole blocks. */
  readonly batchRows: number;
  /** Of a rank's masks, dispatch and combine together. */
  readonly maskFloats: number;
}

/** How tokens come to experts: which rows are planned, and by which means they are moved. */
export interface GatingPolicy {
  readonly title: string;
  readonly activeSet: ActiveSet;
  /** Rows are gathered when their expert runs, copied into one buffer before any runs, or multiplied out by a mask. */
  readonly dispatch: 'gather' | 'buffer' | 'mask';
  /** A device pads each expert's batch to a multiple of this. */
  readonly blockRows: number;
  /**
   * @param ids chosen experts [tokens, topK] from `at`
   * @param allReduceMax the largest of a number over all ranks; each rank of a layer calls it, or none does
   */
  plan(
    plan: DispatchPlan,
    ids: Uint16Array,
    at: number,
    tokens: number,
    settings: GatingSettings,
    allReduceMax: (own: number) => number,
  ): void;
  bound(shape: GatingShape, settings: GatingSettings): GatingBound;
}
