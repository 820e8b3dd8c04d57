import { applyChange } from '../replay/replay_cache.ts';
import { ExpertCache } from '../buffering/expert_cache.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { CpuDense } from '../device/cpu_dense.ts';
import { CpuExperts } from '../device/cpu_experts.ts';
import { floats, type RuntimeMeter } from '../device/cpu_session.ts';
import { WeightStaging } from '../device/weights.ts';
import { type LayerSpec, type ModelSpec, moeLayers, type MoeLayer, type StackSpec } from '../families/spec.ts';
import { createPlan, type DispatchPlan, planBytes } from '../gating/dispatch_plan.ts';
import { planDynamic } from '../gating/dynamic.ts';
import { routeToken } from '../gating/router.ts';
import { Embedding } from './embedding.ts';
import { Exchange, outboxBytes } from './exchange.ts';
import { KvCache } from './kv_cache.ts';
import { MemoryLedger } from './ledger.ts';
import type { RankSettings, RankSetup, RowPlan, StepPlan, StepResult } from './messages.ts';
import { MoeLayerRunner, type TokenRows } from './moe_layer.ts';
import { PhaseClock } from './phase_clock.ts';
import { Sampler } from './sampler.ts';
import { groupFeeds, groupTokens, placeTokens, type TokenGroup } from './token_groups.ts';

/** Counters per layer in a step's result: hits, misses, loads, evictions. */
const COUNTERS = 4;

/**
 * One device's share of the engine: its own sequences through the whole model, its own experts for everybody's tokens.
 * A rank with no tokens still takes part in every layer, since its experts may be wanted.
 */
export class Rank {
  private readonly layers: readonly LayerSpec[];
  private readonly moe: readonly MoeLayer[];
  private readonly caches: ExpertCache[] = [];
  private deviceOf: readonly Uint8Array[] = [];
  private readonly counted: Uint32Array;
  private readonly clock = new PhaseClock();
  private readonly sampler = new Sampler();
  private readonly plan: DispatchPlan;
  private readonly runner: MoeLayerRunner;
  private readonly kv: KvCache;

  private constructor(
    private readonly setup: RankSetup,
    private readonly spec: ModelSpec,
    private readonly ledger: MemoryLedger,
    private readonly embedding: Embedding,
    private readonly dense: CpuDense,
    private readonly experts: CpuExperts,
    private readonly exchange: Exchange | undefined,
    private readonly meter: RuntimeMeter,
  ) {
    const stack = spec.stacks[spec.stacks.length - 1] as StackSpec;
    this.layers = stack.layers;
    this.moe = moeLayers(spec);
    this.counted = new Uint32Array(this.moe.length * COUNTERS);
    this.kv = new KvCache(this.layers.map((layer) => layer.attention), ledger);
    const { experts: expertCount, rule } = (this.moe[0] as MoeLayer).feedForward;
    this.plan = createPlan(expertCount, rule.topK);
    this.runner = new MoeLayerRunner(setup.rank, spec.hiddenSize, rule.topK, expertCount, experts, exchange, ledger, this.clock);
  }

  /** Loads the dense part; experts come as they are needed. */
  static async open(setup: RankSetup, spec: ModelSpec, checkpoint: Checkpoint): Promise<Rank> {
    const ledger = new MemoryLedger(setup.device, setup.budgetBytes);
    const staging = new WeightStaging(checkpoint);
    const embedding = new Embedding(spec, checkpoint, ledger);
    const meter: RuntimeMeter = { ms: 0 };
    const dense = await CpuDense.open(spec, staging, ledger, meter);
    const experts = new CpuExperts(moeLayers(spec), spec.hiddenSize, staging, ledger, meter);
    const exchange = setup.exchange && new Exchange(setup.exchange, setup.rank);
    if (setup.exchange !== undefined) ledger.add('gatingReorder', outboxBytes(setup.exchange));
    return new Rank(setup, spec, ledger, embedding, dense, experts, exchange, meter);
  }

  /** Puts settings in force before the next step; returns how many experts were given up for it. */
  async apply(settings: RankSettings): Promise<number> {
    this.deviceOf = settings.deviceOf;
    let evicted = 0;
    for (const layer of this.moe) {
      const owners = settings.deviceOf[layer.index] as Uint8Array;
      let cache = this.caches[layer.index];
      if (cache === undefined) {
        cache = new ExpertCache(layer.feedForward.experts, 1, settings.eviction);
        this.caches[layer.index] = cache;
      }
      const givenUp = applyChange(cache, this.setup.rank, owners, settings.slotsPerLayer, settings.eviction);
      for (const expert of givenUp) await this.experts.evict(layer.index, expert);
      evicted += givenUp.length;
    }
    return evicted;
  }

  /** Runs one step. @throws StepAborted when another rank failed in it */
  async step(plan: StepPlan): Promise<StepResult> {
    this.clock.start();
    if (plan.profile) this.ledger.startRecording();
    this.runner.pairs = 0;
    this.meter.ms = 0;
    const { rows } = plan;
    const groups = groupTokens(rows);
    const placed = placeTokens(rows, groups);
    const tokens = placed.at.length;
    const { topK } = (this.moe[0] as MoeLayer).feedForward.rule;
    const ids = new Uint16Array(this.moe.length * tokens * topK);
    const weights = new Float32Array(ids.length);
    const waited = new Uint8Array(tokens);
    const gatingBytes = ids.byteLength + weights.byteLength;
    this.ledger.add('gatingReorder', gatingBytes);

    const tokenRows: TokenRows = { tokens, ...placed };
    const hidden = await this.runLayers(rows, groups, tokenRows, { ids, weights, waited, topK });
    this.clock.enter('head');
    const { sampled, logits } = await this.runHead(plan, tokenRows, hidden);
    this.ledger.remove('gatingReorder', gatingBytes);
    const { durationMs, phaseMs } = this.clock.stop();
    return {
      step: plan.step,
      tokens,
      ids,
      weights,
      waited,
      sampled,
      cache: this.takeCounters(),
      ledgerBytes: this.ledger.snapshot(),
      peakBytes: this.ledger.takePeak(),
      pairs: this.runner.pairs,
      durationMs,
      phaseMs,
      runtimeMs: this.meter.ms,
      ...(logits && { logits }),
      ...(plan.profile && { profile: this.ledger.stopRecording() }),
    };
  }

  /** Releases everything; the ledger then reads zero in every category. */
  async close(): Promise<Float64Array> {
    for (const [layer, cache] of this.caches.entries()) {
      for (const expert of cache.retain(() => false)) await this.experts.evict(layer, expert);
    }
    this.runner.close();
    this.kv.close();
    await this.dense.close();
    this.embedding.close();
    this.ledger.remove('gatingReorder', this.ledger.of('gatingReorder'));
    return this.ledger.snapshot();
  }

  /** Another rank must not wait for this one any longer. */
  abort(): void {
    this.exchange?.abort();
  }

  private async runLayers(
    rows: readonly RowPlan[],
    groups: readonly TokenGroup[],
    tokenRows: TokenRows,
    chosen: { ids: Uint16Array; weights: Float32Array; waited: Uint8Array; topK: number },
  ): Promise<Float32Array[]> {
    const { hiddenSize } = this.spec;
    this.clock.enter('other');
    if (rows.length > 0) {
      this.kv.fit(
        Math.max(...rows.map((row) => row.row)) + 1,
        Math.max(...rows.map((row) => row.position + row.tokens.length)),
      );
    }
    let states: Float32Array[] = groups.map((group) => {
      const state = new Float32Array(group.batch * group.length * hiddenSize);
      for (const member of group.members) {
        this.embedding.lookUp(member.tokens, state, (member.row - group.firstRow) * group.length);
      }
      return state;
    });
    const [first] = this.layers;
    const feeds = groups.map((group) => groupFeeds(group, (first as LayerSpec).attention, this.kv.capacity));
    let gateBytes = 0;
    for (const [index, layer] of this.layers.entries()) {
      const outputs = [];
      for (const [g, group] of groups.entries()) {
        outputs.push(await this.attend(index, layer, group, states[g] as Float32Array, feeds[g] ?? {}));
      }
      states = outputs.map((output) => output.h);
      const moe = this.moe.find((entry) => entry.block === layer.block) as MoeLayer;
      this.clock.enter('gate');
      const logitBytes = outputs.reduce((sum, output) => sum + output.routerLogits.byteLength, 0);
      this.ledger.add('gatingReorder', logitBytes);
      const choiceAt = moe.index * tokenRows.tokens * chosen.topK;
      for (let token = 0; token < tokenRows.tokens; token++) {
        const logits = (outputs[tokenRows.group[token] as number] as { routerLogits: Float32Array }).routerLogits;
        const at = (tokenRows.at[token] as number) * moe.feedForward.experts;
        routeToken(moe.feedForward.rule, logits, at, moe.feedForward.experts, chosen.ids, chosen.weights, choiceAt + token * chosen.topK);
      }
      this.clock.enter('reorder');
      planDynamic(this.plan, chosen.ids, choiceAt, tokenRows.tokens);
      const grown = planBytes(this.plan) - gateBytes;
      this.ledger.add('gatingReorder', grown);
      gateBytes += grown;
      await this.runner.run({
        layer: moe.index,
        rows: tokenRows,
        normed: outputs.map((output) => output.normed),
        residual: states,
        residualMultiplier: layer.residualMultiplier,
        ids: chosen.ids,
        weights: chosen.weights,
        choiceAt,
        plan: this.plan,
        deviceOf: this.deviceOf[moe.index] as Uint8Array,
        cache: this.caches[moe.index] as ExpertCache,
        waited: chosen.waited,
      });
      this.ledger.remove('gatingReorder', logitBytes);
    }
    this.ledger.remove('gatingReorder', gateBytes);
    return states;
  }

  private async attend(index: number, layer: LayerSpec, group: TokenGroup, state: Float32Array, shared: ReturnType<typeof groupFeeds>) {
    this.clock.enter('attention');
    const { kvHeads, headDim } = layer.attention;
    const { batch, length, cached, firstRow } = group;
    const past = cached ? this.kv.capacity : 0;
    const view = cached ? this.kv.view(index, firstRow, batch) : { key: new Float32Array(0), value: new Float32Array(0) };
    const output = await this.dense.runAttention(index, {
      ...shared,
      x: floats(state, [batch, length, this.spec.hiddenSize]),
      past_key: floats(view.key, [batch, kvHeads, past, headDim]),
      past_value: floats(view.value, [batch, kvHeads, past, headDim]),
    });
    for (const member of group.members) {
      this.kv.append(index, member.row, member.position, length, member.row - firstRow, output.newKey, output.newValue);
    }
    return output;
  }

  /** Logits of the rows that emit a token, or of every token. */
  private async runHead(plan: StepPlan, tokenRows: TokenRows, states: readonly Float32Array[]) {
    const { hiddenSize, vocabSize } = this.spec;
    const sampled = new Int32Array(plan.rows.length).fill(-1);
    const wanted: number[] = [];
    let token = 0;
    for (const row of plan.rows) {
      token += row.tokens.length;
      if (!plan.allLogits && row.emit) wanted.push(token - 1);
    }
    if (plan.allLogits) for (let t = 0; t < tokenRows.tokens; t++) wanted.push(t);
    if (wanted.length === 0) return { sampled, logits: undefined };
    const input = new Float32Array(wanted.length * hiddenSize);
    for (const [at, t] of wanted.entries()) {
      const from = (tokenRows.at[t] as number) * hiddenSize;
      input.set((states[tokenRows.group[t] as number] as Float32Array).subarray(from, from + hiddenSize), at * hiddenSize);
    }
    const logits = await this.dense.runHead(input, wanted.length);
    if (plan.allLogits) return { sampled, logits };
    let at = 0;
    for (const [index, row] of plan.rows.entries()) {
      if (!row.emit) continue;
      const position = row.position + row.tokens.length;
      sampled[index] = this.sampler.sample(logits, at * vocabSize, vocabSize, plan.temperature, plan.seed, row.sequence, position);
      at++;
    }
    return { sampled, logits: undefined };
  }

  /** What the caches counted since the last step, per layer. */
  private takeCounters(): Uint32Array {
    const delta = new Uint32Array(this.counted.length);
    for (const [layer, cache] of this.caches.entries()) {
      const { hits, misses, loads, evictions } = cache.counters;
      for (const [index, value] of [hits, misses, loads, evictions].entries()) {
        const at = layer * COUNTERS + index;
        delta[at] = value - (this.counted[at] as number);
        this.counted[at] = value;
      }
    }
    return delta;
  }
}
