import type { DeviceRouting } from './device_routing.ts';

/** What a layer's next event may use, foreseen before it is known. One a device, for all its layers. */
export interface Foresight {
  /**
   * How likely each expert is to be used in the event that a layer comes to next, 0..1 [experts]; undefined where nothing is known.
   * Asked before the layer's `observe`.
   * @param foreseen what routers said of it [experts], see RouterForesight; absent where none was asked
   */
  votes(layer: number, foreseen: Uint8Array | undefined): Float64Array | undefined;
  /** The event itself: the experts used, ascending, in the first `count` places. */
  observe(layer: number, active: ArrayLike<number>, count: number): void;
}

/** By what the most similar passes used there (routing_history.ts). */
export class EchoForesight implements Foresight {
  /** Events of each layer so far. */
  private readonly seen: Int32Array;

  constructor(
    private readonly routing: DeviceRouting,
    layers: number,
  ) {
    this.seen = Int32Array.from({ length: layers }, (_, layer) => routing.history.events(layer));
  }

  votes(layer: number): Float64Array | undefined {
    return this.routing.votes(layer);
  }

  observe(layer: number, active: ArrayLike<number>, count: number): void {
    const event = (this.seen[layer] as number) + 1;
    this.seen[layer] = event;
    this.routing.history.observe(layer, active, count, event);
  }
}

/** Of a sum that halves the doubt once. */
const HALVING = 32;
/** Sums beyond it are as good as certain, and a byte holds it. */
export const MOST_FORESEEN = 255;
const VOTE_OF_SUM = Float64Array.from({ length: MOST_FORESEEN + 1 }, (_, sum) => 1 - 2 ** (-sum / HALVING));

/**
 * By the layer's own router, asked a MoE layer early: with the hidden states that the layer before gives its experts.
 *
 * Of the k experts that a token is foreseen to choose, the j-th (from 0) counts as (k - j) / (k + 1) likely: only the order of the
 * scores is used, so that every rule of routing will do; how often such a vote comes true is learnt (prefetcher.ts). Of several
 * tokens an expert is used unless all leave it out: doubts multiply. They are added up as whole logarithms instead, so that devices
 * which each know a part of the tokens, and a replay which knows the sum, come to the same to the bit.
 */
export class RouterForesight implements Foresight {
  private readonly voted: Float64Array;

  constructor(experts: number) {
    this.voted = new Float64Array(experts);
  }

  votes(_layer: number, foreseen: Uint8Array | undefined): Float64Array | undefined {
    if (foreseen === undefined) return undefined;
    for (let expert = 0; expert < this.voted.length; expert++) {
      this.voted[expert] = VOTE_OF_SUM[foreseen[expert] as number] as number;
    }
    return this.voted;
  }

  observe(): void {}
}

/** What each of a token's choices adds to the sum of its expert, by order of the choices [topK]. */
export function foreseenWeights(topK: number): Int32Array {
  return Int32Array.from({ length: topK }, (_, choice) =>
    Math.round(-HALVING * Math.log2(1 - (topK - choice) / (topK + 1))),
  );
}
