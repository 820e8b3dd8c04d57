import { foreseenWeights, MOST_FORESEEN } from '../buffering/foresight.ts';
import type { Hidden } from '../device/device.ts';
import type { NextRouters } from '../device/next_routers.ts';
import { type ModelSpec, moeLayers, routingShape } from '../families/spec.ts';
import { type RouterRule, routeToken } from '../gating/router.ts';
import { routersAhead } from '../graph/router_ahead.ts';
import type { PrefetchName } from '../protocol/settings.ts';
import type { ChoiceBias } from './choice_bias.ts';
import type { Exchange } from './exchange.ts';
import type { TokenRows } from './layer_input.ts';
import type { MemoryLedger } from './ledger.ts';
import type { PhaseClock } from './phase_clock.ts';
import type { TokenGroup } from './token_groups.ts';

interface Parts {
  readonly spec: ModelSpec;
  readonly routers: NextRouters;
  readonly choiceBias: ChoiceBias;
  readonly exchange: Exchange | undefined;
  readonly ledger: MemoryLedger;
  readonly clock: PhaseClock;
}

/**
 * What the next MoE layer will be asked for, by its own router on this layer's hidden states (buffering/foresight.ts). A rank foresees
 * for its own tokens; the others' sums come with their sizes, so that each device knows what all tokens may want of it.
 */
export class RouterAhead {
  isOn = false;
  /** Rule of the MoE layer after each, where one follows in the stack. */
  private readonly next: readonly (RouterRule | undefined)[];
  private readonly experts: number;
  private readonly choices: Int32Array;
  private readonly ids: Uint16Array;
  private readonly weights: Float32Array;
  /** Own sums of the next layer [experts]; others read them where there are others. */
  private readonly own: Int32Array;
  /** Of all ranks, by layer [layers, experts]; a new one a step, since it is sent. */
  private foreseen = new Uint8Array(0);
  private readonly layers: number;

  constructor(private readonly parts: Parts) {
    const { spec, exchange } = parts;
    const { experts, topK } = routingShape(spec);
    this.layers = moeLayers(spec).length;
    this.next = routersAhead(spec).map((layer) =>
      layer?.feedForward.kind === 'moe' ? layer.feedForward.rule : undefined,
    );
    this.experts = experts;
    this.choices = foreseenWeights(topK);
    this.ids = new Uint16Array(topK);
    this.weights = new Float32Array(topK);
    this.own = exchange?.foreseen[exchange.rank] ?? new Int32Array(experts);
  }

  /** Gives up the routers where nothing asks them any more; comes before anything new is held. */
  async leave(prefetch: PrefetchName): Promise<void> {
    if (!this.isOn || prefetch === 'router') return;
    this.isOn = false;
    await this.parts.routers.close();
    this.parts.ledger.remove('gatingReorder', foreseenBytes(this.layers, this.experts));
  }

  /** Holds the routers where prefetch asks them. */
  async enter(prefetch: PrefetchName): Promise<void> {
    if (this.isOn || prefetch !== 'router') return;
    await this.parts.routers.open();
    this.parts.ledger.add('gatingReorder', foreseenBytes(this.layers, this.experts));
    this.isOn = true;
  }

  begin(): void {
    if (this.isOn) this.foreseen = new Uint8Array(this.layers * this.experts);
  }

  /** What all ranks foresaw in the step [layers, experts]; the same on each. */
  get ofStep(): Uint8Array | undefined {
    return this.isOn ? this.foreseen : undefined;
  }

  /**
   * Asks the next router about this rank's tokens. Every rank does, before it raises its sizes.
   * @param hidden residual stream of MoE layer `layer` by group, before its experts
   */
  async ask(layer: number, hidden: readonly Hidden[], groups: readonly TokenGroup[], rows: TokenRows): Promise<void> {
    const rule = this.next[layer];
    if (!this.isOn || rule === undefined) return;
    const { ledger, clock, routers } = this.parts;
    clock.enter('gate');
    const logits: Float32Array[] = [];
    for (const [index, group] of groups.entries())
      logits.push(await routers.run(layer, hidden[index] as Hidden, group));
    const bytes = logits.reduce((sum, part) => sum + part.byteLength, 0);
    ledger.add('gatingReorder', bytes);
    this.addUp(rule, this.parts.choiceBias.of(layer + 1), logits, rows);
    ledger.remove('gatingReorder', bytes);
  }

  /**
   * Adds up what all ranks foresaw of the layer after `layer`, once all have raised their sizes and before results are.
   * @returns sums [experts]; undefined where nothing was asked
   */
  gather(layer: number): Uint8Array | undefined {
    if (!this.isOn || this.next[layer] === undefined) return undefined;
    const { own, experts } = this;
    const all = this.parts.exchange?.foreseen ?? [own];
    const sums = this.foreseen.subarray((layer + 1) * experts, (layer + 2) * experts);
    for (let expert = 0; expert < experts; expert++) {
      let sum = 0;
      for (const part of all) sum += part[expert] as number;
      sums[expert] = Math.min(MOST_FORESEEN, sum);
    }
    return sums;
  }

  private addUp(
    rule: RouterRule,
    bias: Float32Array | undefined,
    logits: readonly Float32Array[],
    rows: TokenRows,
  ): void {
    const { own, ids, weights, choices, experts } = this;
    own.fill(0);
    for (let token = 0; token < rows.tokens; token++) {
      const at = (rows.at[token] as number) * experts;
      routeToken(rule, logits[rows.group[token] as number] as Float32Array, at, experts, ids, weights, 0, bias);
      for (let choice = 0; choice < ids.length; choice++) {
        const expert = ids[choice] as number;
        own[expert] = (own[expert] as number) + (choices[choice] as number);
      }
    }
  }
}

/** What is held beside the routers while they are asked, bytes. */
export function foreseenBytes(layers: number, experts: number): number {
  return (layers + 4) * experts;
}
