import { EchoScores } from './echo_scores.ts';
import { RoutingHistory } from './routing_history.ts';

/**
 * What a device learns of its routing over all layers, made when first asked for. Caches of several sizes that see the same
 * events, one after the other, may share one. It outlives a change of policy: what routing echo learnt before, it still knows.
 */
export class DeviceRouting {
  private madeHistory: RoutingHistory | undefined;
  private madeEcho: EchoScores | undefined;

  constructor(
    private readonly layers: number,
    private readonly experts: number,
  ) {}

  get history(): RoutingHistory {
    this.madeHistory ??= new RoutingHistory(this.layers, this.experts);
    return this.madeHistory;
  }

  get echo(): EchoScores {
    this.madeEcho ??= new EchoScores(this.history, this.layers, this.experts);
    return this.madeEcho;
  }
}

/** Where a cache stands: which layer of which device. */
export interface CachePlace {
  readonly routing: DeviceRouting;
  readonly layer: number;
}
