import { EchoScores } from './echo_scores.ts';
import { RoutingHistory } from './routing_history.ts';

/** With fewer passes gone by there is nothing to be near to. */
const FEWEST_PASSES = 17;

/**
 * What a device learns of its routing over all layers, made when first asked for. Caches of several sizes that see the same
 * events, one after the other, may share one. It outlives a change of policy: what routing echo learnt before, it still knows.
 */
export class DeviceRouting {
  /** Loads of all its caches so far: the order in which residents of several layers came. */
  loads = 0;
  private madeHistory: RoutingHistory | undefined;
  private madeEcho: EchoScores | undefined;
  private votesOf: { pass: number; layer: number; known: boolean } | undefined;
  private readonly voted: Float64Array;

  constructor(
    private readonly layers: number,
    private readonly experts: number,
  ) {
    this.voted = new Float64Array(experts);
  }

  get history(): RoutingHistory {
    this.madeHistory ??= new RoutingHistory(this.layers, this.experts);
    return this.madeHistory;
  }

  get echo(): EchoScores {
    this.madeEcho ??= new EchoScores(this.history, this.layers, this.experts);
    return this.madeEcho;
  }

  /**
   * How much of the nearest passes' weight used each expert in the layer that the present pass comes to next [experts]; undefined
   * where too few have gone before. Caches that share this ask before any of them is told of the layer's event.
   */
  votes(layer: number): Float64Array | undefined {
    const { history } = this;
    const { votesOf } = this;
    if (votesOf?.layer !== layer || votesOf.pass !== history.pass || history.has(layer)) {
      history.enter(layer);
      const known = history.pass >= FEWEST_PASSES && history.findNearest();
      if (known) history.vote(layer, this.voted);
      this.votesOf = { pass: history.pass, layer, known };
    }
    return this.votesOf?.known ? this.voted : undefined;
  }
}

/** Where a cache stands: which layers of which device. */
export interface CachePlace {
  readonly routing: DeviceRouting;
  /** Its first layer. */
  readonly layer: number;
  /** How many it serves; absent: the one. */
  readonly layers?: number;
}
