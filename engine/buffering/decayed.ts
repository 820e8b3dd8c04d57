import type { EvictionPolicy } from './policy.ts';
import { ScoredOrder } from './scored_order.ts';

/** What a use is worth a step later. */
const DECAY = 0.95;
/** After so many steps scores are scaled anew: 0.95 to the power of this is still far within the range of a double. */
const STEPS_OF_SCALE = 4096;
/** What a use is worth so many steps after the scores were scaled. */
const WORTH = Float64Array.from({ length: STEPS_OF_SCALE + 1 }, (_, steps) => DECAY ** -steps);

/**
 * Decayed frequency: s = 0.95 s + [used] in every step, lowest first. Over several layers a step is one round of their events, so
 * that a use is worth the same in each.
 *
 * All s shrink alike, so their order changes only by a use: in place of them a use is worth more in every step, by 1 / 0.95, and
 * from time to time all are scaled down together.
 */
export class Decayed implements EvictionPolicy {
  private readonly order: ScoredOrder;
  /** A use is worth 1 in this step. */
  private scaleStep = 0;
  private worth = 1;
  private worthStep = 0;

  constructor(
    experts: number,
    private readonly layers: number,
  ) {
    this.order = new ScoredOrder(experts);
  }

  onLoad(expert: number, step: number): void {
    this.use(expert, step);
    this.order.load(expert);
  }

  onPrefetch(expert: number): void {
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

  private use(expert: number, event: number): void {
    const step = Math.ceil(event / this.layers);
    if (step !== this.worthStep) this.open(step);
    const { scores } = this.order;
    scores[expert] = (scores[expert] as number) + this.worth;
  }

  private open(step: number): void {
    if (step - this.scaleStep > STEPS_OF_SCALE) {
      const { scores } = this.order;
      const shrunk = DECAY ** (step - this.scaleStep);
      for (let expert = 0; expert < scores.length; expert++) scores[expert] = (scores[expert] as number) * shrunk;
      this.scaleStep = step;
    }
    this.worth = WORTH[step - this.scaleStep] as number;
    this.worthStep = step;
  }
}
