import type { DispatchPlan } from '../gating/dispatch_plan.ts';
import { GATING_POLICIES } from '../gating/policies.ts';
import { DEFAULT_RUN, type GatingSettings } from '../protocol/settings.ts';
import type { Exchange } from './exchange.ts';
import type { PhaseClock } from './phase_clock.ts';

/** Plans a rank's rows by the gating in force, and counts what it drops. */
export class Gate {
  settings: GatingSettings = DEFAULT_RUN;
  /** Pairs dropped since it was last set to 0. */
  droppedPairs = 0;

  constructor(
    private readonly exchange: Exchange | undefined,
    private readonly clock: PhaseClock,
  ) {}

  get policy() {
    return GATING_POLICIES[this.settings.gating];
  }

  /** @param ids chosen experts [tokens, topK] from `at` */
  plan(plan: DispatchPlan, ids: Uint16Array, at: number, tokens: number): void {
    this.clock.enter('reorder');
    this.policy.plan(plan, ids, at, tokens, this.settings, this.allReduceMax);
    this.droppedPairs += plan.droppedPairs;
  }

  private readonly allReduceMax = (own: number): number => {
    if (this.exchange === undefined) return own;
    this.clock.enter('exchange');
    const largest = this.exchange.allReduceMax(own);
    this.clock.enter('reorder');
    return largest;
  };
}
