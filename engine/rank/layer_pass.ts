import type { Tensor } from 'onnxruntime-node';
import type { RowSplit } from '../balancing/split.ts';
import type { DenseDevice, Hidden, LayerOutput } from '../device/device.ts';
import {
  type LayerSpec,
  type ModelSpec,
  type MoeLayer,
  moeLayers,
  routingShape,
  type StackSpec,
} from '../families/spec.ts';
import { applyCapacity, type RoutedTogether } from '../gating/capacity.ts';
import { createPlan, type DispatchPlan, planBytes } from '../gating/dispatch_plan.ts';
import { routeToken } from '../gating/router.ts';
import type { ChoiceBias } from './choice_bias.ts';
import type { Gate } from './gate.ts';
import type { TokenRows } from './layer_input.ts';
import type { MemoryLedger } from './ledger.ts';
import type { MoeLayerRunner } from './moe_layer.ts';
import type { PhaseClock } from './phase_clock.ts';
import type { RouterAhead } from './router_ahead.ts';
import type { TokenGroup } from './token_groups.ts';

/** What the router chose in a step [layers, tokens, topK], and which tokens waited for a load [tokens]. */
export interface Chosen {
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  readonly waited: Uint8Array;
}

/** The tokens of a step that go through one stack. */
export interface PassTokens {
  readonly groups: readonly TokenGroup[];
  readonly rows: TokenRows;
  /** Place of the first of them among all tokens of the step, and how many those are. */
  readonly first: number;
  readonly stepTokens: number;
  readonly routed: readonly RoutedTogether[];
  /** 1 for padding, by token; absent where there is none. */
  readonly padding?: Uint8Array;
}

/** How a stack's attention is fed: with the KV cache in a decoder, with nothing but the source in an encoder. */
export interface AttentionSource {
  /** Inputs of a group's layer beside its hidden states. */
  feeds(layer: number, group: number): Record<string, Tensor> | Promise<Record<string, Tensor>>;
  /** Takes what the layer computed (new keys). */
  took?(layer: number, group: number, output: LayerOutput): void | Promise<void>;
}

interface Parts {
  readonly spec: ModelSpec;
  readonly dense: DenseDevice;
  readonly gate: Gate;
  readonly choiceBias: ChoiceBias;
  readonly runner: MoeLayerRunner;
  readonly ahead: RouterAhead;
  readonly ledger: MemoryLedger;
  readonly clock: PhaseClock;
}

/** The loop over the layers of a stack: attention, then the dense feed-forward or the experts. */
export class LayerPass {
  private readonly moe: readonly MoeLayer[];
  private readonly topK: number;
  private readonly plan: DispatchPlan;

  constructor(private readonly parts: Parts) {
    this.moe = moeLayers(parts.spec);
    const { experts, topK } = routingShape(parts.spec);
    this.topK = topK;
    this.plan = createPlan(experts, topK);
  }

  /**
   * @param states hidden states by group [B, S, hidden]; given up by the call
   * @returns hidden states by group after the last layer
   */
  async run(
    stack: StackSpec,
    tokens: PassTokens,
    states: readonly Hidden[],
    attention: AttentionSource,
    chosen: Chosen,
    splits: readonly RowSplit[],
  ): Promise<readonly Hidden[]> {
    const { dense, clock, ledger } = this.parts;
    let current = states;
    const plan = { bytes: 0 };
    for (const [index, layer] of stack.layers.entries()) {
      clock.enter('attention');
      const outputs: LayerOutput[] = [];
      for (const [at, group] of tokens.groups.entries()) {
        const feeds = await attention.feeds(index, at);
        const output = await dense.runLayer(stack.kind, index, current[at] as Hidden, group, feeds);
        await attention.took?.(index, at, output);
        outputs.push(output);
      }
      current =
        layer.feedForward.kind === 'moe'
          ? await this.runExperts(layer, this.moeLayer(stack, layer), tokens, outputs, chosen, splits, plan)
          : outputs.map((output) => output.h);
    }
    ledger.remove('gatingReorder', plan.bytes);
    return current;
  }

  /** Routes, plans and runs the experts of a layer; `planned` counts the plan's bytes, entered in the ledger until the pass ends. */
  private async runExperts(
    layer: LayerSpec,
    moe: MoeLayer,
    tokens: PassTokens,
    outputs: readonly LayerOutput[],
    chosen: Chosen,
    splits: readonly RowSplit[],
    planned: { bytes: number },
  ): Promise<readonly Hidden[]> {
    const { ledger, runner, ahead } = this.parts;
    const { index } = moe;
    const { rows, first, stepTokens } = tokens;
    const logits = outputs.map((output) => output.routerLogits as Float32Array);
    const logitBytes = logits.reduce((sum, part) => sum + part.byteLength, 0);
    ledger.add('gatingReorder', logitBytes);
    const choiceAt = (index * stepTokens + first) * this.topK;
    this.route(moe, logits, tokens, chosen, choiceAt);
    const grown = planBytes(this.plan) - planned.bytes;
    ledger.add('gatingReorder', grown);
    planned.bytes += grown;
    await ahead.ask(
      index,
      outputs.map((output) => output.h),
      tokens.groups,
      rows,
    );
    const states = await runner.run({
      layer: index,
      rows,
      normed: outputs.map((output) => output.normed as Hidden),
      residual: outputs.map((output) => output.h),
      residualMultiplier: layer.residualMultiplier,
      ids: chosen.ids,
      weights: chosen.weights,
      choiceAt,
      plan: this.plan,
      split: splits[index] as RowSplit,
      waited: chosen.waited.subarray(first, first + rows.tokens),
    });
    ledger.remove('gatingReorder', logitBytes);
    return states;
  }

  /** Router logits to experts and weights, experts to the dispatch plan. */
  private route(
    { index, feedForward: { rule, experts } }: MoeLayer,
    logits: readonly Float32Array[],
    { rows, routed, padding }: PassTokens,
    { ids, weights }: Chosen,
    choiceAt: number,
  ): void {
    this.parts.clock.enter('gate');
    const bias = this.parts.choiceBias.of(index);
    for (let token = 0; token < rows.tokens; token++) {
      const at = (rows.at[token] as number) * experts;
      const group = logits[rows.group[token] as number] as Float32Array;
      routeToken(rule, group, at, experts, ids, weights, choiceAt + token * this.topK, bias);
    }
    for (const together of routed) applyCapacity(rule, experts, ids, weights, choiceAt, together, padding);
    this.parts.gate.plan(this.plan, ids, choiceAt, rows.tokens);
  }

  private moeLayer({ kind }: StackSpec, { block }: LayerSpec): MoeLayer {
    return this.moe.find((entry) => entry.stack === kind && entry.block === block) as MoeLayer;
  }
}
