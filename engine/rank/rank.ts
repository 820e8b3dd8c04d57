import type { LayerPlacement } from '../balancing/placement.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type AttentionOutput, CpuDense } from '../device/cpu_dense.ts';
import { CpuExperts } from '../device/cpu_experts.ts';
import { floats, type RuntimeMeter } from '../device/cpu_session.ts';
import { WeightStaging } from '../device/weights.ts';
import { type LayerSpec, type ModelSpec, type MoeLayer, moeLayers, type StackSpec } from '../families/spec.ts';
import { createPlan, type DispatchPlan, planBytes } from '../gating/dispatch_plan.ts';
import { planDynamic } from '../gating/dynamic.ts';
import { routeToken } from '../gating/router.ts';
import { Embedding } from './embedding.ts';
import { Exchange, outboxBytes } from './exchange.ts';
import { KvCache } from './kv_cache.ts';
import type { TokenRows } from './layer_input.ts';
import { MemoryLedger } from './ledger.ts';
import type { RankSettings, RankSetup, RowPlan, StepPlan, StepResult } from './messages.ts';
import { MoeLayerRunner } from './moe_layer.ts';
import { PhaseClock } from './phase_clock.ts';
import { RankCaches } from './rank_caches.ts';
import { RankHead } from './rank_head.ts';
import { groupFeeds, groupTokens, placeTokens, type TokenGroup } from './token_groups.ts';

/** What the router chose in a step [layers, tokens, topK], and which tokens waited for a load. */
interface Chosen {
  readonly ids: Uint16Array;
  readonly weights: Float32Array;
  readonly waited: Uint8Array;
}

/**
 * One device's share of the engine: its own sequences through the whole model, its own experts for everybody's tokens.
 * A rank with no tokens still takes part in every layer, since its experts may be wanted.
 */
export class Rank {
  private readonly layers: readonly LayerSpec[];
  /** MoE layer of each block. */
  private readonly moeOf: readonly MoeLayer[];
  private readonly moeCount: number;
  private readonly topK: number;
  private placement: readonly LayerPlacement[] = [];
  private readonly clock = new PhaseClock();
  private readonly plan: DispatchPlan;
  private readonly runner: MoeLayerRunner;
  private readonly kv: KvCache;
  private readonly head: RankHead;
  private readonly caches: RankCaches;

  private constructor(
    setup: RankSetup,
    private readonly spec: ModelSpec,
    private readonly ledger: MemoryLedger,
    private readonly embedding: Embedding,
    private readonly dense: CpuDense,
    experts: CpuExperts,
    private readonly exchange: Exchange | undefined,
    private readonly meter: RuntimeMeter,
  ) {
    const stack = spec.stacks[spec.stacks.length - 1] as StackSpec;
    const moe = moeLayers(spec);
    this.layers = stack.layers;
    this.moeOf = stack.layers.map((layer) => moe.find((entry) => entry.block === layer.block) as MoeLayer);
    this.moeCount = moe.length;
    this.kv = new KvCache(
      this.layers.map((layer) => layer.attention),
      ledger,
    );
    this.head = new RankHead(spec, dense);
    this.caches = new RankCaches(setup.rank, moe, experts);
    const { experts: count, rule } = (moe[0] as MoeLayer).feedForward;
    this.topK = rule.topK;
    this.plan = createPlan(count, rule.topK);
    const { hiddenSize } = spec;
    this.runner = new MoeLayerRunner(setup.rank, hiddenSize, rule.topK, count, experts, exchange, ledger, this.clock);
  }

  /** Loads the dense part; experts come as they are needed. */
  static async open(setup: RankSetup, spec: ModelSpec, checkpoint: Checkpoint): Promise<Rank> {
    const ledger = new MemoryLedger(setup.device, setup.budgetBytes);
    const meter: RuntimeMeter = { ms: 0 };
    const staging = new WeightStaging(checkpoint);
    const embedding = new Embedding(spec, checkpoint, ledger);
    const dense = await CpuDense.open(spec, staging, ledger, meter);
    const experts = new CpuExperts(moeLayers(spec), spec.hiddenSize, staging, ledger, meter);
    const exchange = setup.exchange && new Exchange(setup.exchange, setup.rank);
    if (setup.exchange !== undefined) ledger.add('gatingReorder', outboxBytes(setup.exchange));
    return new Rank(setup, spec, ledger, embedding, dense, experts, exchange, meter);
  }

  /** Puts settings in force before the next step; returns how many experts were given up for it. */
  apply(settings: RankSettings): Promise<number> {
    this.placement = settings.placement.layers;
    return this.caches.apply(settings);
  }

  /** Runs one step. @throws StepAborted when another rank failed in it */
  async step(plan: StepPlan): Promise<StepResult> {
    this.clock.start();
    this.meter.ms = 0;
    this.runner.pairs = 0;
    if (plan.profile) this.ledger.startRecording();
    const groups = groupTokens(plan.rows);
    const placed = placeTokens(plan.rows, groups);
    const rows: TokenRows = { tokens: placed.at.length, ...placed };
    const choices = this.moeCount * rows.tokens * this.topK;
    const chosen = {
      ids: new Uint16Array(choices),
      weights: new Float32Array(choices),
      waited: new Uint8Array(rows.tokens),
    };
    const chosenBytes = chosen.ids.byteLength + chosen.weights.byteLength;
    this.ledger.add('gatingReorder', chosenBytes);
    const states = await this.runLayers(plan.rows, groups, rows, chosen);
    this.clock.enter('head');
    const { sampled, logits } = await this.head.run(plan, rows, states);
    this.ledger.remove('gatingReorder', chosenBytes);
    return {
      step: plan.step,
      tokens: rows.tokens,
      ...chosen,
      sampled,
      cache: this.caches.takeCounters(),
      ledgerBytes: this.ledger.snapshot(),
      peakBytes: this.ledger.takePeak(),
      pairs: this.runner.pairs,
      ...this.clock.stop(),
      runtimeMs: this.meter.ms,
      ...(logits && { logits }),
      ...(plan.profile && { profile: this.ledger.stopRecording() }),
    };
  }

  /** Releases everything; the ledger it returns then reads zero in every category. */
  async close(): Promise<Float64Array> {
    await this.caches.close();
    this.runner.close();
    this.kv.close();
    await this.dense.close();
    this.embedding.close();
    if (this.exchange !== undefined) this.ledger.remove('gatingReorder', outboxBytes(this.exchange.memory));
    return this.ledger.snapshot();
  }

  /** Another rank must not wait for this one any longer. */
  abort(): void {
    this.exchange?.abort();
  }

  /** Hidden states by group after the last layer. */
  private async runLayers(
    plans: readonly RowPlan[],
    groups: readonly TokenGroup[],
    rows: TokenRows,
    chosen: Chosen,
  ): Promise<readonly Float32Array[]> {
    if (plans.length > 0) {
      const tokens = plans.map((row) => row.position + row.tokens.length);
      this.kv.fit(Math.max(...plans.map((row) => row.row)) + 1, Math.max(...tokens));
    }
    let states: readonly Float32Array[] = groups.map((group) => this.embed(group));
    const attention = (this.layers[0] as LayerSpec).attention;
    const feeds = groups.map((group) => groupFeeds(group, attention, this.kv.capacity));
    let planned = 0;
    for (const [block, layer] of this.layers.entries()) {
      const outputs: AttentionOutput[] = [];
      for (const [index, group] of groups.entries()) {
        outputs.push(await this.attend(block, layer, group, states[index] as Float32Array, feeds[index] ?? {}));
      }
      states = outputs.map((output) => output.h);
      const logitBytes = outputs.reduce((sum, output) => sum + output.routerLogits.byteLength, 0);
      this.ledger.add('gatingReorder', logitBytes);
      const { index: moe, feedForward } = this.moeOf[block] as MoeLayer;
      const choiceAt = moe * rows.tokens * this.topK;
      this.route(feedForward, outputs, rows, chosen, choiceAt);
      const grown = planBytes(this.plan) - planned;
      this.ledger.add('gatingReorder', grown);
      planned += grown;
      await this.runner.run({
        layer: moe,
        rows,
        normed: outputs.map((output) => output.normed),
        residual: states,
        residualMultiplier: layer.residualMultiplier,
        ...chosen,
        choiceAt,
        plan: this.plan,
        deviceOf: (this.placement[moe] as LayerPlacement).deviceOf,
        cache: this.caches.of(moe),
      });
      this.ledger.remove('gatingReorder', logitBytes);
    }
    this.ledger.remove('gatingReorder', planned);
    return states;
  }

  private embed({ batch, length, members, firstRow }: TokenGroup): Float32Array {
    const state = new Float32Array(batch * length * this.spec.hiddenSize);
    for (const { tokens, row } of members) this.embedding.lookUp(tokens, state, (row - firstRow) * length);
    return state;
  }

  /** Router logits to experts and weights, experts to the dispatch plan. */
  private route(
    { rule, experts }: MoeLayer['feedForward'],
    outputs: readonly AttentionOutput[],
    rows: TokenRows,
    { ids, weights }: Chosen,
    choiceAt: number,
  ): void {
    this.clock.enter('gate');
    for (let token = 0; token < rows.tokens; token++) {
      const { routerLogits } = outputs[rows.group[token] as number] as AttentionOutput;
      const at = (rows.at[token] as number) * experts;
      routeToken(rule, routerLogits, at, experts, ids, weights, choiceAt + token * this.topK);
    }
    this.clock.enter('reorder');
    planDynamic(this.plan, ids, choiceAt, rows.tokens);
  }

  private async attend(
    block: number,
    layer: LayerSpec,
    { batch, length, cached, firstRow, members }: TokenGroup,
    state: Float32Array,
    shared: ReturnType<typeof groupFeeds>,
  ): Promise<AttentionOutput> {
    this.clock.enter('attention');
    const { kvHeads, headDim } = layer.attention;
    const past = cached ? this.kv.capacity : 0;
    const { key, value } = this.kv.view(block, firstRow, cached ? batch : 0);
    const output = await this.dense.runAttention(block, {
      ...shared,
      x: floats(state, [batch, length, this.spec.hiddenSize]),
      past_key: floats(key, [batch, kvHeads, past, headDim]),
      past_value: floats(value, [batch, kvHeads, past, headDim]),
    });
    for (const { row, position } of members) {
      this.kv.append(block, row, position, length, row - firstRow, output.newKey, output.newValue);
    }
    return output;
  }
}
