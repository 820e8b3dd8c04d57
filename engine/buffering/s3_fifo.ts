import { LinkedOrder } from './linked_order.ts';
import type { EvictionPolicy } from './policy.ts';

/** Of so many residents one belongs in the small queue. */
const SMALL_SHARE = 10;
const MOST_USES = 3;

/**
 * S3-FIFO (Yang et al., SOSP 2023): new experts enter a small queue (a tenth of the residents, at least one) and move on to the
 * main queue if used again; the main queue gives a used expert another round, up to three times. An expert that left the small
 * queue unused is remembered, for as many as there are residents, and enters the main queue when it comes back.
 *
 * One use after the load is enough to move on: a step's experts are few and its tokens many, and of a threshold of two nothing
 * would be left in a cache that holds an expert for a few steps. Active experts stay where they stand, unless all are active.
 */
export class S3Fifo implements EvictionPolicy {
  private readonly small: LinkedOrder;
  private readonly main: LinkedOrder;
  private readonly ghosts: LinkedOrder;
  private readonly inSmall: Uint8Array;
  private readonly isGhost: Uint8Array;
  /** Hits since the load or the last round, up to MOST_USES. */
  private readonly uses: Uint8Array;
  private smallCount = 0;
  private count = 0;
  private ghostCount = 0;

  constructor(experts: number) {
    this.small = new LinkedOrder(experts);
    this.main = new LinkedOrder(experts);
    this.ghosts = new LinkedOrder(experts);
    this.inSmall = new Uint8Array(experts);
    this.isGhost = new Uint8Array(experts);
    this.uses = new Uint8Array(experts);
  }

  onLoad(expert: number): void {
    this.count++;
    this.uses[expert] = 0;
    if (this.isGhost[expert] === 1) {
      this.forget(expert);
      this.main.append(expert);
      return;
    }
    this.inSmall[expert] = 1;
    this.smallCount++;
    this.small.append(expert);
  }

  onHit(expert: number): void {
    this.uses[expert] = Math.min(MOST_USES, (this.uses[expert] as number) + 1);
  }

  onEvict(expert: number): void {
    this.count--;
    if (this.inSmall[expert] === 1) this.leaveSmall(expert);
    else this.main.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    const { small, main, uses } = this;
    const target = Math.max(1, Math.floor(this.count / SMALL_SHARE));
    // Not `oldestInactive`: it remembers that a queue was all active, and here inactive experts move from queue to queue.
    const candidate = (queue: LinkedOrder, spare: boolean) => {
      let expert = queue.oldest();
      while (spare && expert !== queue.end && activeStamp[expert] === step) expert = queue.newer(expert);
      return expert;
    };
    const spare = candidate(small, true) !== small.end || candidate(main, true) !== main.end;
    for (;;) {
      const fromSmall = candidate(small, spare);
      const fromMain = candidate(main, spare);
      if (fromSmall !== small.end && (this.smallCount >= target || fromMain === main.end)) {
        if (uses[fromSmall] === 0) {
          this.remember(fromSmall);
          return fromSmall;
        }
        uses[fromSmall] = 0;
        this.leaveSmall(fromSmall);
        main.append(fromSmall);
      } else {
        if (uses[fromMain] === 0) return fromMain;
        uses[fromMain] = (uses[fromMain] as number) - 1;
        main.remove(fromMain);
        main.append(fromMain);
      }
    }
  }

  private leaveSmall(expert: number): void {
    this.small.remove(expert);
    this.inSmall[expert] = 0;
    this.smallCount--;
  }

  private remember(expert: number): void {
    while (this.ghostCount >= this.count) this.forget(this.ghosts.oldest());
    this.ghosts.append(expert);
    this.isGhost[expert] = 1;
    this.ghostCount++;
  }

  private forget(expert: number): void {
    this.ghosts.remove(expert);
    this.isGhost[expert] = 0;
    this.ghostCount--;
  }
}
