import { EngineRefusal } from '../api.ts';
import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import { denseBytes } from '../device/cpu/dense.ts';
import { expertBytes } from '../device/cpu/experts.ts';
import { onCpu } from '../device/precision.ts';
import { wideningBytes } from '../device/widening.ts';
import { encoderOf, type ModelSpec, type MoeLayer, moeLayers } from '../families/spec.ts';
import { GATING_POLICIES } from '../gating/policies.ts';
import { routersAheadBytes } from '../graph/router_ahead.ts';
import { expertsHeld } from '../protocol/experts_held.ts';
import type { GatingSettings, RunSettings } from '../protocol/settings.ts';
import { LEDGER_CATEGORIES, type LedgerCategory } from '../protocol/telemetry.ts';
import { dispatchBytes, dispatchBytesOnCard } from '../rank/dispatch_bytes.ts';
import { embeddingBytes } from '../rank/embedding.ts';
import { type OutboxSizes, outboxBytes } from '../rank/exchange.ts';
import { foreseenBytes } from '../rank/router_ahead.ts';
import { kvBytes, LONGEST_DECODER_PROMPT } from './kv_bytes.ts';

/** Prompt pieces are cut so that a step never holds more tokens; bounds exchange buffers and the longest step. */
export const STEP_TOKENS = 512;

/** The first step also loads the experts it needs, all cold: kept small, the first text comes in half the time. */
export const FIRST_STEP_TOKENS = 32;

export interface MemoryPlan {
  /** Upper bound of everything but experts, bytes: what a run of these settings can need on one device. */
  readonly fixedBytes: number;
  /** The same by ledger category. */
  readonly parts: Readonly<Record<Exclude<LedgerCategory, 'experts'>, number>>;
  /** One slot in every MoE layer, be they the layers' own or one pool's. */
  readonly bytesPerSlot: number;
  /** How much of it is beside weights. */
  readonly sessionBytesPerSlot: number;
  readonly expertsPerDevice: number;
  /** What each rank's outbox must hold; undefined on one device. */
  readonly outbox: OutboxSizes | undefined;
}

export type PlanSettings = Pick<RunSettings, 'batch' | 'promptTokens' | 'newTokens' | 'placement' | 'precision'> &
  Partial<Pick<RunSettings, 'prefetch' | 'copyAfterRows'>> &
  GatingSettings & {
    readonly devices: number;
    /** Some device keeps hidden states in memory of its own; all are planned alike, so that one setting of slots fits all. */
    readonly onCard?: boolean;
    /** What some device holds for an expert beside its weights. */
    readonly sessionBytes?: number;
  };

/**
 * What a run needs on each device, before anything is loaded: the ledger's own arithmetic with every bound taken at its worst.
 */
export function planMemory(spec: ModelSpec, settings: PlanSettings, stepTokens = STEP_TOKENS): MemoryPlan {
  const { devices, batch } = settings;
  const { hiddenSize: hidden } = spec;
  const moe = moeLayers(spec);
  const [{ feedForward }] = moe as [MoeLayer];
  const { experts, rule } = feedForward;
  const held = onCpu(settings.precision);
  const dense = denseBytes(spec, held.dense);
  const rows = Math.ceil(batch / devices);
  const { topK } = rule;
  const pairs = stepTokens * topK;
  const expertsPerDevice = expertsHeld(settings.placement, experts, devices);
  const policy = GATING_POLICIES[settings.gating];
  const bound = policy.bound({ tokens: stepTokens, experts, topK, ranks: devices, expertsPerDevice }, settings);
  const { sentRows, arrivedRows: resultRows } = bound;
  const outbox = devices === 1 ? undefined : { pairs: policy.dispatch === 'gather' ? pairs : 0, sentRows, resultRows };
  // Logits, ids, weights, sizes and row lists of every policy.
  const gating = stepTokens * experts * 4 + moe.length * pairs * 6 + pairs * 8 + experts * 12 + 4;
  // Asked ahead, a router has weights of its own, logits, and what it foresees.
  const asksRouters = settings.prefetch === 'router';
  const ahead = asksRouters ? stepTokens * experts * 4 + foreseenBytes(moe.length, experts) : 0;
  const parts = {
    embedding: embeddingBytes(spec),
    attention: dense.attention,
    otherDense: dense.otherDense + (asksRouters ? routersAheadBytes(spec) : 0),
    kvCache: kvBytes(spec, rows, settings),
    gatingReorder: gating + ahead + (outbox === undefined ? 0 : outboxBytes(experts, hidden, outbox)),
    expertExecution:
      wideningBytes(spec, held) +
      computedBytes(moe, hidden, held.experts, settings.copyAfterRows) +
      Math.max(
        dispatchBytes(policy.dispatch, bound, stepTokens, devices, hidden),
        settings.onCard ? dispatchBytesOnCard(policy, bound, { tokens: stepTokens, rows, pairs, devices, hidden }) : 0,
      ),
  };
  const sessionBytesPerSlot = moe.length * (settings.sessionBytes ?? 0);
  return {
    fixedBytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
    parts,
    bytesPerSlot: moe.reduce(
      (sum, layer) => sum + expertBytes(layer, spec.hiddenSize, held.experts),
      sessionBytesPerSlot,
    ),
    sessionBytesPerSlot,
    expertsPerDevice,
    outbox,
  };
}

/** On a CPU device, where an absent expert is held while its rows are computed. A card's ledger does not have it: see absent_experts.ts. */
function computedBytes(
  moe: readonly MoeLayer[],
  hidden: number,
  precision: WeightPrecision,
  copyAfterRows: RunSettings['copyAfterRows'] = 0,
): number {
  // `auto` computes nothing on a CPU device.
  if (copyAfterRows === 0 || copyAfterRows === 'auto') return 0;
  return Math.max(...moe.map((layer) => expertBytes(layer, hidden, precision)));
}

/**
 * The ledger that a run is expected to come to on each device at its highest: the plan with steps as large as this workload makes
 * them and every slot taken. Estimated; in the order of LEDGER_CATEGORIES.
 */
export function expectedLedger(spec: ModelSpec, settings: PlanSettings, slotsPerLayer: number): number[] {
  const step = planMemory(spec, settings, longestStep(spec, settings));
  const { parts, bytesPerSlot, sessionBytesPerSlot } = step;
  // Outboxes are made once, for the longest step there can be.
  const outbox = settings.devices === 1 ? 0 : boxBytes(spec, planMemory(spec, settings)) - boxBytes(spec, step);
  const gatingReorder = parts.gatingReorder + outbox;
  const expertExecution = parts.expertExecution + slotsPerLayer * sessionBytesPerSlot;
  const experts = slotsPerLayer * (bytesPerSlot - sessionBytesPerSlot);
  return LEDGER_CATEGORIES.map((category) => ({ ...parts, gatingReorder, expertExecution, experts })[category]);
}

function boxBytes(spec: ModelSpec, { outbox }: MemoryPlan): number {
  const [{ feedForward }] = moeLayers(spec) as [MoeLayer];
  return outbox === undefined ? 0 : outboxBytes(feedForward.experts, spec.hiddenSize, outbox);
}

/** Tokens of the largest step that prompts of full length make: all at once, but for what the first step took. */
function longestStep(spec: ModelSpec, { batch, promptTokens }: PlanSettings): number {
  if (encoderOf(spec) !== undefined) return Math.min(STEP_TOKENS, batch * (promptTokens + LONGEST_DECODER_PROMPT));
  const all = batch * promptTokens;
  const first = Math.min(all, FIRST_STEP_TOKENS);
  return Math.min(STEP_TOKENS, Math.max(first, batch, all === first ? 0 : all - first + batch));
}

/** Most slots per layer and device that a budget holds; 0 where not even the rest fits. */
export function slotsThatFit(plan: MemoryPlan, budgetBytes: number): number {
  return Math.max(0, Math.min(plan.expertsPerDevice, Math.floor((budgetBytes - plan.fixedBytes) / plan.bytesPerSlot)));
}

/**
 * Slots in force for a cache setting.
 * @throws EngineRefusal where a device's budget cannot hold them
 */
export function resolveSlots(
  plan: MemoryPlan,
  cacheSlots: RunSettings['cacheSlots'],
  budgets: readonly { id: string; bytes: number }[],
): number {
  const slots = cacheSlots === 'all' ? plan.expertsPerDevice : Math.min(cacheSlots, plan.expertsPerDevice);
  for (const { id, bytes } of budgets) {
    const fit = slotsThatFit(plan, bytes);
    if (fit >= slots) continue;
    const need = plan.fixedBytes + slots * plan.bytesPerSlot;
    throw new EngineRefusal(
      fit === 0
        ? `${id}: a budget of ${mib(bytes)} does not hold the dense part (${mib(denseOf(plan))}), the KV cache (${mib(plan.parts.kvCache)}), ` +
            `step buffers (${mib(plan.parts.gatingReorder + plan.parts.expertExecution)}) and one expert slot per layer; raise budgetBytes to ${mib(plan.fixedBytes + plan.bytesPerSlot)} or lower batch or newTokens.`
        : `${id}: ${slots} slots per layer need ${mib(need)} of a budget of ${mib(bytes)}; set cacheSlots to ${fit} or less, or raise budgetBytes.`,
    );
  }
  return slots;
}

/**
 * One pool counts slots, so all experts must be of one size: true of every family but an encoder-decoder whose stacks differ in width.
 * @throws EngineRefusal where they are not
 */
export function checkScope(spec: ModelSpec, scope: RunSettings['cacheScope']): void {
  const sizes = new Set(moeLayers(spec).map((layer) => expertBytes(layer, spec.hiddenSize, 'fp32')));
  if (scope === 'layer' || sizes.size <= 1) return;
  throw new EngineRefusal(
    'cacheScope: experts of this model differ in size between layers, so they cannot share slots; set cacheScope to layer.',
  );
}

/** Loaded before the first step. */
export const denseOf = ({ parts }: MemoryPlan) => parts.embedding + parts.attention + parts.otherDense;

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
