import type { CachePlace } from './device_routing.ts';
import type { EchoScores } from './echo_scores.ts';
import type { EvictionPolicy } from './policy.ts';
import { ScoredOrder } from './scored_order.ts';

/** Routing echo: the expert least likely to be used soon goes first, by what the device learnt from the routing of all layers. */
export class Echo implements EvictionPolicy {
  private readonly echo: EchoScores;
  private readonly first: number;
  private readonly order: ScoredOrder;
  /** By layer. */
  private readonly events: Int32Array;

  constructor(ids: number, { routing, layer, layers = 1 }: CachePlace) {
    this.echo = routing.echo;
    this.first = layer;
    this.order = new ScoredOrder(ids, this.echo.scoresFrom(layer, layers));
    this.events = Int32Array.from({ length: layers }, (_, place) => {
      this.echo.resume(layer + place);
      return this.echo.events(layer + place);
    });
  }

  openStep(active: ArrayLike<number>, count: number, _step: number, place: number): void {
    const event = (this.events[place] as number) + 1;
    this.events[place] = event;
    this.echo.observe(this.first + place, active, count, event);
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
