import type { CachePlace } from './device_routing.ts';
import type { EchoScores } from './echo_scores.ts';
import type { EvictionPolicy } from './policy.ts';
import { ScoredOrder } from './scored_order.ts';

/** Routing echo: the expert least likely to be used soon goes first, by what the device learnt from the routing of all layers. */
export class Echo implements EvictionPolicy {
  private readonly echo: EchoScores;
  private readonly layer: number;
  private readonly order: ScoredOrder;
  private events: number;

  constructor(experts: number, { routing, layer }: CachePlace) {
    this.echo = routing.echo;
    this.layer = layer;
    this.order = new ScoredOrder(experts, this.echo.scores[layer]);
    this.echo.resume(layer);
    this.events = this.echo.events(layer);
  }

  openStep(active: ArrayLike<number>, count: number): void {
    this.echo.observe(this.layer, active, count, ++this.events);
  }

  onLoad(expert: number): void {
    this.order.load(expert);
  }

  onHit(expert: number): void {
    this.order.hit(expert);
  }

  onEvict(expert: number): void {
    this.order.remove(expert);
  }

  victim(activeStamp: Int32Array, step: number): number {
    return this.order.lowest(activeStamp, step);
  }
}
