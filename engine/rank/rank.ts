import { RowSplit } from '../balancing/split.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Device, Hidden, KeyStore, LayerOutput } from '../device/device.ts';
import { openDevice } from '../device/open_device.ts';
import type { RuntimeMeter } from '../device/tensors.ts';
import {
  decoderOf,
  encoderOf,
  type ModelSpec,
  type MoeLayer,
  moeLayers,
  routingShape,
  type StackSpec,
} from '../families/spec.ts';
import { NO_EXPERT } from '../gating/router.ts';
import { STEP_PHASES } from '../protocol/telemetry.ts';
import { decoderFeeds, encoderFeeds } from './attention_feeds.ts';
import { ChoiceBias } from './choice_bias.ts';
import { Embedding } from './embedding.ts';
import { Exchange } from './exchange.ts';
import { Gate } from './gate.ts';
import { type AttentionSource, type Chosen, LayerPass, type PassTokens } from './layer_pass.ts';
import { MemoryLedger } from './ledger.ts';
import type { RankSettings, RankSetup, RowPlan, StepPlan, StepResult } from './messages.ts';
import { MoeLayerRunner } from './moe_layer.ts';
import { PhaseClock } from './phase_clock.ts';
import { RankCaches } from './rank_caches.ts';
import { RankHead } from './rank_head.ts';
import { RankOutbox } from './rank_outbox.ts';
import { RelativeBias } from './relative_bias.ts';
import { paddingOf, routedTogether } from './routed_together.ts';
import { RouterAhead } from './router_ahead.ts';
import { SourceCache } from './source_cache.ts';
import { decoderGroups, encoderGroups, placeTokens, type TokenGroup } from './token_groups.ts';

const LOAD = STEP_PHASES.indexOf('load');

/**
 * One device's share of the engine: its own sequences through the whole model, its own experts for everybody's tokens.
 * A rank with no tokens still takes part in every layer, since its experts may be wanted.
 *
 * In an encoder-decoder a step first encodes the sources that came in with it, each whole, then decodes: the encoder's layers
 * see the sources' tokens, the decoder's layers the rows' own. A step without a source leaves the encoder out on all ranks.
 */
export class Rank {
  private readonly moe: readonly MoeLayer[];
  private readonly topK: number;
  private readonly kv: KeyStore;
  private readonly sources: SourceCache;
  private readonly clock = new PhaseClock();
  private readonly runner: MoeLayerRunner;
  private readonly head: RankHead;
  private readonly caches: RankCaches;
  private readonly ahead: RouterAhead;
  private readonly gate: Gate;
  private readonly outbox: RankOutbox;
  private readonly pass: LayerPass;
  /** The placement in force, by layer, and what divides rows over its copies. */
  private splits: readonly RowSplit[] = [];

  private constructor(
    private readonly setup: RankSetup,
    private readonly spec: ModelSpec,
    private readonly ledger: MemoryLedger,
    private readonly embedding: Embedding,
    private readonly relative: Partial<Record<StackSpec['kind'], RelativeBias>>,
    private readonly choiceBias: ChoiceBias,
    private readonly device: Device,
    private readonly exchange: Exchange | undefined,
    private readonly meter: RuntimeMeter,
  ) {
    this.moe = moeLayers(spec);
    const { experts, topK } = routingShape(spec);
    this.topK = topK;
    const attentions = decoderOf(spec).layers.map((layer) => layer.attention);
    this.kv = device.openKeys(attentions, { key: 'past_key', value: 'past_value' });
    this.sources = new SourceCache(spec, device);
    this.head = new RankHead(spec.vocabSize, device.dense);
    this.caches = new RankCaches(setup.rank, this.moe, device.experts, device.absent);
    const { caches, clock } = this;
    this.ahead = new RouterAhead({ spec, routers: device.routers, choiceBias, exchange, ledger, clock });
    const { ahead } = this;
    const shared = {
      rank: setup.rank,
      experts,
      hidden: spec.hiddenSize,
      caches,
      ahead,
      exchange,
      ledger,
      clock,
      meter,
    };
    this.runner = new MoeLayerRunner(device, shared);
    this.gate = new Gate(exchange, clock);
    this.outbox = new RankOutbox(exchange, ledger);
    const { runner, gate } = this;
    this.pass = new LayerPass({ spec, dense: device.dense, gate, choiceBias, runner, ahead, ledger, clock });
  }

  /** Loads the dense part; experts come as they are needed. */
  static async open(setup: RankSetup, spec: ModelSpec, checkpoint: Checkpoint): Promise<Rank> {
    const ledger = new MemoryLedger(setup.device, setup.budgetBytes);
    const meter: RuntimeMeter = { ms: 0 };
    const embedding = new Embedding(spec, checkpoint, ledger);
    const relative: Partial<Record<StackSpec['kind'], RelativeBias>> = {};
    for (const stack of spec.stacks) {
      const bias = RelativeBias.open(stack, checkpoint, ledger);
      if (bias !== undefined) relative[stack.kind] = bias;
    }
    const choiceBias = new ChoiceBias(spec, checkpoint, ledger);
    const device = await openDevice(setup.device, {
      spec,
      source: checkpoint,
      ledger,
      meter,
      precision: setup.precision,
      ...(setup.denseThreads !== undefined && { denseThreads: setup.denseThreads }),
      packFolder: setup.packFolder,
    });
    const exchange = setup.exchange && new Exchange(setup.exchange, setup.rank);
    return new Rank(setup, spec, ledger, embedding, relative, choiceBias, device, exchange, meter);
  }

  /** Puts settings in force before the next step; returns how many experts were given up for it. */
  async apply(settings: RankSettings): Promise<number> {
    const { gating, outboxes, placement, prefetch = 'off' } = settings;
    this.splits = placement.layers.map((layer) => new RowSplit(layer, placement.devices, placement.split));
    this.gate.settings = gating;
    // What is given up goes before what is new comes: in between, the budget must hold as well.
    await this.runner.use(this.gate.policy);
    await this.ahead.leave(prefetch);
    if (outboxes !== undefined) this.outbox.give();
    const evicted = await this.caches.apply(settings);
    if (outboxes !== undefined) this.outbox.take(outboxes);
    await this.ahead.enter(prefetch);
    return evicted;
  }

  /** Runs one step. @throws StepAborted when another rank failed in it */
  async step(plan: StepPlan): Promise<StepResult> {
    this.clock.start();
    this.meter.ms = 0;
    this.runner.rows = 0;
    this.runner.computeMs = 0;
    this.gate.droppedPairs = 0;
    this.ahead.begin();
    if (plan.profile) this.ledger.startRecording();
    const sources = plan.rows.flatMap((row) => sourceOf(row) ?? []);
    const sourceTokens = countTokens(sources);
    const tokens = sourceTokens + countTokens(plan.rows);
    const choices = this.moe.length * tokens * this.topK;
    const chosen: Chosen = {
      ids: new Uint16Array(choices).fill(NO_EXPERT),
      weights: new Float32Array(choices),
      waited: new Uint8Array(tokens),
    };
    const chosenBytes = chosen.ids.byteLength + chosen.weights.byteLength;
    this.ledger.add('gatingReorder', chosenBytes);
    await this.sources.fit(plan.rows);
    await this.encode(plan, sources, tokens, chosen);
    const encoder = { rows: this.runner.rows, droppedPairs: this.gate.droppedPairs };
    const { routedAs } = plan;
    const decoded = this.tokensOf(decoderOf(this.spec), plan.rows, routedAs, sourceTokens, tokens);
    const states = await this.decode(plan.rows, decoded, chosen);
    this.clock.enter('head');
    const { sampled, logits } = await this.head.run(plan, decoded.rows, states);
    this.ledger.remove('gatingReorder', chosenBytes);
    const prefetches = this.caches.takePrefetches();
    const foreseen = this.setup.rank === 0 ? this.ahead.ofStep : undefined;
    const timing = this.clock.stop();
    return {
      step: plan.step,
      tokens,
      ...chosen,
      sampled,
      cache: this.caches.takeCounters(),
      ...(prefetches && { prefetches }),
      ...(foreseen && { foreseen }),
      ledgerBytes: this.ledger.snapshot(),
      peakBytes: this.ledger.takePeak(),
      rows: this.runner.rows,
      computeMs: this.runner.computeMs,
      hostBytes: this.device.absent.bytes,
      droppedPairs: this.gate.droppedPairs,
      encoder,
      ...timing,
      ...this.runner.overlap.take(timing.phaseMs[LOAD] as number),
      runtimeMs: this.meter.ms,
      ...(logits && { logits }),
      ...(plan.profile && { profile: this.ledger.stopRecording() }),
    };
  }

  /** Releases everything; the ledger it returns then reads zero in every category. */
  async close(): Promise<Float64Array> {
    await this.caches.close();
    await this.ahead.leave('off');
    await this.runner.close();
    this.kv.close();
    this.sources.close();
    await this.device.close();
    this.embedding.close();
    for (const bias of Object.values(this.relative)) bias.close();
    this.choiceBias.close();
    this.outbox.give();
    return this.ledger.snapshot();
  }

  /** Another rank must not wait for this one any longer. */
  abort(): void {
    this.exchange?.abort();
  }

  /** Sources through the encoder, then into keys and values for the decoder. */
  private async encode(plan: StepPlan, sources: readonly RowPlan[], stepTokens: number, chosen: Chosen): Promise<void> {
    const stack = encoderOf(this.spec);
    if (stack === undefined) return;
    if (!plan.encoding) return;
    const tokens = this.tokensOf(stack, sources, plan.routedAs, 0, stepTokens);
    const feeds = tokens.groups.map((group) => encoderFeeds(group, this.relative.encoder));
    const attention: AttentionSource = { feeds: (_, group) => feeds[group] ?? {} };
    const embedded = await this.embed(stack, tokens);
    const states = await this.pass.run(stack, tokens, embedded, attention, chosen, this.splits);
    this.clock.enter('attention');
    for (const [index, group] of tokens.groups.entries()) await this.sources.store(group, states[index] as Hidden);
  }

  /** Hidden states by group after the decoder's last layer. */
  private async decode(plans: readonly RowPlan[], tokens: PassTokens, chosen: Chosen): Promise<readonly Hidden[]> {
    const stack = decoderOf(this.spec);
    if (plans.length > 0) {
      const cached = plans.map((row) => row.position + row.tokens.length);
      await this.kv.fit(Math.max(...plans.map((row) => row.row)) + 1, Math.max(...cached));
    }
    const attentions = stack.layers.map((layer) => layer.attention);
    const shared = tokens.groups.map((group) => ({
      byLayer: decoderFeeds(group, attentions, this.kv.pastTokens(group), this.relative.decoder),
      sourceMask: this.sources.mask(group),
    }));
    const source: AttentionSource = {
      feeds: async (layer, index) => {
        const group = tokens.groups[index] as TokenGroup;
        const { byLayer, sourceMask } = shared[index] as (typeof shared)[number];
        const past = await this.kv.feeds(layer, group);
        return { ...byLayer[layer], ...sourceMask, ...past, ...(await this.sources.keys(layer, group)) };
      },
      took: (layer, index, output) => this.keep(layer, tokens.groups[index] as TokenGroup, output),
    };
    const embedded = await this.embed(stack, tokens);
    const states = await this.pass.run(stack, tokens, embedded, source, chosen, this.splits);
    return states;
  }

  private keep(layer: number, group: TokenGroup, { newKey, newValue }: LayerOutput): void | Promise<void> {
    if (newKey === undefined) throw new Error(`layer ${layer} returned no keys`);
    return this.kv.append(layer, group, newKey, newValue);
  }

  /** The step's tokens of one stack, from place `first` on. */
  private tokensOf(
    stack: StackSpec,
    rows: readonly RowPlan[],
    routedAs: StepPlan['routedAs'],
    first: number,
    stepTokens: number,
  ): PassTokens {
    const groups = stack.kind === 'encoder' ? encoderGroups(rows) : decoderGroups(rows);
    const placed = placeTokens(rows, groups);
    const padding = paddingOf(rows);
    const rule = this.moe[0]?.feedForward.rule;
    return {
      groups,
      rows: { tokens: placed.at.length, ...placed },
      first,
      stepTokens,
      routed: routedTogether(rule, stack.kind, rows, routedAs),
      ...(padding && { padding }),
    };
  }

  private embed({ embeddingPositions }: StackSpec, { groups }: PassTokens): Promise<Hidden[]> {
    const states = groups.map(({ batch, length, members, places }) => {
      const state = new Float32Array(batch * length * this.spec.hiddenSize);
      for (const [which, { tokens, position }] of members.entries())
        this.embedding.lookUp(tokens, state, (places[which] as number) * length, embeddingPositions, position);
      return this.device.dense.take(state, batch, length);
    });
    return Promise.all(states);
  }
}

/** A row's source as a row of the encoder. */
function sourceOf({ source, sourceMask, row, sequence }: RowPlan): RowPlan | undefined {
  if (source === undefined) return undefined;
  return { row, sequence, position: 0, tokens: source, emit: false, ...(sourceMask && { mask: sourceMask }) };
}

function countTokens(rows: readonly RowPlan[]): number {
  return rows.reduce((sum, row) => sum + row.tokens.length, 0);
}
