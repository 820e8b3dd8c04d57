import type { EvictionPolicy } from './policy.ts';
import { ScoredOrder } from './scored_order.ts';

/** What a use is worth a step later. */
const DECAY = 0.95;
const LOSS = -Math.log(DECAY);

/**
 * Decayed frequency: s = 0.95 s + [used] in every step, lowest first.
 *
 * All s shrink alike, so their order changes only by a use, and s divided by the shrinking since step 0 stays as it is until then.
 * That is kept, as its logarithm: it would leave the range of a double within 14,000 steps.
 */
export class Decayed implements EvictionPolicy {
  private readonly order: ScoredOrder;

  constructor(experts: number) {
    this.order = new ScoredOrder(experts);
    this.order.scores.fill(Number.NEGATIVE_INFINITY);
  }

  onLoad(expert: number, step: number): void {
    this.use(expert, step);
    this.order.load(expert);
  }

  onHit(expert: number, step: number): void {
    this.use(expert, step);
    this.order.hit(expert);
  }

  onEvict(expert: number): void {
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    return this.order.lowest(activeStamp, step);
  }

  private use(expert: number, step: number): void {
    const { scores } = this.order;
    const scale = LOSS * step;
    scores[expert] = scale + Math.log1p(Math.exp((scores[expert] as number) - scale));
  }
}
