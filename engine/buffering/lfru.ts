import type { EvictionPolicy } from './policy.ts';
import { ScoredOrder } from './scored_order.ts';

/**
 * Least frequently and recently used: the lowest count / (age + 1), lifetime uses over steps since the last. Over several layers a
 * step is one round of their events: that a layer's turn has not come yet makes its experts no older than the others'.
 */
export class Lfru implements EvictionPolicy {
  private readonly order: ScoredOrder;
  private readonly counts: Uint32Array;
  private readonly lastStep: Int32Array;
  /** Scores hold for this step. */
  private scoredStep = 0;

  constructor(
    experts: number,
    private readonly layers: number,
  ) {
    this.order = new ScoredOrder(experts);
    this.counts = new Uint32Array(experts);
    this.lastStep = new Int32Array(experts);
  }

  onLoad(expert: number, step: number): void {
    this.use(expert, step);
    this.order.load(expert);
  }

  onPrefetch(expert: number, step: number): void {
    this.order.load(expert);
    if (step === this.scoredStep) this.ageOne(expert, step);
  }

  onHit(expert: number, step: number): void {
    this.use(expert, step);
    this.order.hit(expert);
  }

  onEvict(expert: number): void {
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    if (step !== this.scoredStep) this.age(step);
    return this.order.lowest(activeStamp, step);
  }

  private use(expert: number, step: number): void {
    const count = (this.counts[expert] as number) + 1;
    this.counts[expert] = count;
    this.lastStep[expert] = step;
    this.order.scores[expert] = count;
  }

  private age(step: number): void {
    const { held, count } = this.order;
    for (let place = 0; place < count; place++) this.ageOne(held[place] as number, step);
    this.scoredStep = step;
  }

  private ageOne(expert: number, step: number): void {
    const age = Math.floor((step - (this.lastStep[expert] as number)) / this.layers);
    this.order.scores[expert] = (this.counts[expert] as number) / (age + 1);
  }
}
