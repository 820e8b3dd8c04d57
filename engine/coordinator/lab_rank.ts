import { contiguous } from '../balancing/placement.ts';
import { type ChosenDevice, chooseDevices } from '../device/discovery.ts';
import { type MoeLayer, moeLayers } from '../families/spec.ts';
import { DEFAULT_RUN, type GatingSettings, GREEDY, type Precision, STORED_PRECISION } from '../protocol/settings.ts';
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
  /** Where the sequences of the last step stand. */
  private decoded: readonly { readonly row: number; readonly position: number; readonly token: number }[] = [];

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
    packFolder?: string,
  ): Promise<LabRank> {
    const { id, bytes } = await labDevice(budgetBytes);
    const setup = { modelPath: model.summary.path, rank: 0, ranks: 1, device: id, budgetBytes: bytes };
    const pool = await RankPool.open(rankEntry, [
      { ...setup, precision, exchange: undefined, ...(packFolder !== undefined && { packFolder }) },
    ]);
    return new LabRank(model, pool, bytes, precision);
  }

  /** Expert slots per layer that the budget leaves for steps of these sequences; 0 where they do not fit. */
  slotsFor(gating: GatingSettings, sequences: readonly Int32Array[]): number {
    return slotsThatFit(stepPlan(this.model, this.precision, gating, sequences), this.budgetBytes);
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
    this.decoded = rows.map(({ row, tokens }) => ({ row, position: tokens.length, token: tokens.at(-1) as number }));
    return result as StepResult;
  }

  /** One more token of each sequence of the last step, chosen greedily after those before it. */
  async decode(): Promise<StepResult> {
    const rows = this.decoded.map(({ row, position, token }): RowPlan => {
      return { row, sequence: row, position, tokens: Int32Array.of(token), emit: true };
    });
    const plan = { step: this.step++, rows, sampling: GREEDY, allLogits: false, profile: false };
    const [result] = (await this.pool.step([{ ...plan, encoding: false }])) as [StepResult];
    this.decoded = this.decoded.map(({ row, position }, at) => {
      return { row, position: position + 1, token: result.sampled[at] as number };
    });
    return result;
  }

  async close(): Promise<void> {
    await this.pool.close();
  }
}

/** The same before there is a rank. @param newTokens decoded after them @param budgetBytes the device's default when absent */
export async function slotsForSteps(
  model: OpenModel,
  precision: Precision,
  sequences: readonly Int32Array[],
  newTokens: number,
  budgetBytes?: number,
): Promise<number> {
  const { bytes } = await labDevice(budgetBytes);
  return slotsThatFit(stepPlan(model, precision, DEFAULT_RUN, sequences, newTokens), bytes);
}

async function labDevice(budgetBytes: number | undefined): Promise<ChosenDevice> {
  const [device] = await chooseDevices([{ id: 'cpu:0', ...(budgetBytes !== undefined && { budgetBytes }) }]);
  return device as ChosenDevice;
}

function stepPlan(
  model: OpenModel,
  precision: Precision,
  gating: GatingSettings,
  sequences: readonly Int32Array[],
  newTokens = 1,
) {
  const promptTokens = Math.max(...sequences.map((tokens) => tokens.length));
  const shape = { placement: 'contiguous', precision, ...gating, devices: 1, batch: sequences.length } as const;
  return planMemory(model.spec, { ...shape, promptTokens, newTokens }, stepTokens(model, sequences));
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
