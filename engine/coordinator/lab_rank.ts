import { contiguous } from '../balancing/placement.ts';
import { chooseDevices } from '../device/discovery.ts';
import { type MoeLayer, moeLayers } from '../families/spec.ts';
import { type GatingSettings, GREEDY, type Precision, STORED_PRECISION } from '../protocol/settings.ts';
import type { RowPlan, StepResult } from '../rank/messages.ts';
import { planMemory, slotsThatFit } from './memory_plan.ts';
import type { OpenModel } from './open_model.ts';
import { RankPool } from './rank_pool.ts';
import { decoderPrompt } from './translation.ts';

/** A fresh rank on one CPU device, in a thread of its own, for experiments: every step begins its sequences anew. */
export class LabRank {
  private readonly prompt: readonly number[] | undefined;
  private gating: GatingSettings | undefined;
  private step = 0;

  private constructor(
    private readonly model: OpenModel,
    private readonly pool: RankPool,
    private readonly budgetBytes: number,
    private readonly precision: Precision,
  ) {
    this.prompt = startOf(model);
  }

  /** @param budgetBytes the device's default when absent */
  static async open(
    model: OpenModel,
    rankEntry: string,
    budgetBytes?: number,
    precision = STORED_PRECISION,
  ): Promise<LabRank> {
    const [device] = await chooseDevices([{ id: 'cpu:0', ...(budgetBytes !== undefined && { budgetBytes }) }]);
    const { id, bytes } = device as { id: string; bytes: number };
    const setup = { modelPath: model.summary.path, rank: 0, ranks: 1, device: id, budgetBytes: bytes };
    const pool = await RankPool.open(rankEntry, [{ ...setup, precision, exchange: undefined }]);
    return new LabRank(model, pool, bytes, precision);
  }

  /** Expert slots per layer that the budget leaves for steps of these sequences; 0 where they do not fit. */
  slotsFor(gating: GatingSettings, sequences: readonly Int32Array[]): number {
    const { spec } = this.model;
    const longest = Math.max(...sequences.map((tokens) => tokens.length));
    const shape = {
      placement: 'contiguous' as const,
      precision: this.precision,
      ...gating,
      devices: 1,
      batch: sequences.length,
      promptTokens: longest,
      newTokens: 1,
    };
    return slotsThatFit(planMemory(spec, shape, stepTokens(this.model, sequences)), this.budgetBytes);
  }

  async gate(gating: GatingSettings, slotsPerLayer: number): Promise<void> {
    if (gating === this.gating) return;
    this.gating = gating;
    const moe = moeLayers(this.model.spec);
    const { experts } = (moe[0] as MoeLayer).feedForward;
    await this.pool.apply({ slotsPerLayer, eviction: 'lifo', placement: contiguous(moe.length, experts, 1), gating });
  }

  /** One step of whole sequences; in an encoder-decoder they are the sources. */
  async run(sequences: readonly Int32Array[], { logits = false, profile = false } = {}): Promise<StepResult> {
    const { prompt } = this;
    const rows = sequences.map((tokens, row): RowPlan => {
      const at = { row, sequence: row, position: 0, emit: false };
      return prompt === undefined ? { ...at, tokens } : { ...at, tokens: Int32Array.from(prompt), source: tokens };
    });
    const plan = { step: this.step++, rows, sampling: GREEDY, allLogits: logits, profile };
    const [result] = await this.pool.step([{ ...plan, encoding: prompt !== undefined }]);
    return result as StepResult;
  }

  async close(): Promise<void> {
    await this.pool.close();
  }
}

/** What every decoder sequence of an encoder-decoder begins with. */
function startOf({ summary, translation }: OpenModel): number[] | undefined {
  return translation && decoderPrompt(summary, translation, undefined);
}

/** Tokens of a step: in an encoder-decoder those of its sources and what the decoder begins with. */
export function stepTokens(model: OpenModel, sequences: readonly Int32Array[]): number {
  const each = startOf(model)?.length ?? 0;
  return sequences.reduce((sum, tokens) => sum + tokens.length + each, 0);
}
