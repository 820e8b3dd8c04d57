import { contiguous } from '../balancing/placement.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { readAnySpec } from '../families/family.ts';
import { type ModelSpec, type MoeLayer, moeLayers } from '../families/spec.ts';
import { type GatingSettings, GREEDY } from '../protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../protocol/telemetry.ts';
import type { RowPlan, StepResult } from '../rank/messages.ts';
import { Rank } from '../rank/rank.ts';

/**
 * One model on one CPU device in this thread, to be given steps by hand: what the paper measures in its characterisation is a
 * step of chosen tokens under a chosen gating, not a served stream.
 */
export class Trial {
  private steps = 0;

  private constructor(
    readonly spec: ModelSpec,
    readonly moe: readonly MoeLayer[],
    private readonly rank: Rank,
    private readonly release: () => void,
  ) {}

  /** Every expert that is used stays resident until `slots` says otherwise. */
  static async open(folder: string, gating: GatingSettings): Promise<Trial> {
    const checkpoint = openCheckpoint(folder);
    const spec = readAnySpec(folder, checkpoint);
    const setup = {
      ...{ modelPath: folder, rank: 0, ranks: 1, device: 'cpu:0' },
      ...{ budgetBytes: Number.MAX_SAFE_INTEGER, exchange: undefined },
    };
    const trial = new Trial(spec, moeLayers(spec), await Rank.open(setup, spec, checkpoint), () => checkpoint.close());
    await trial.use(gating);
    return trial;
  }

  /** Gating, and expert slots per layer, from the next step on. */
  async use(gating: GatingSettings, slotsPerLayer = Number.MAX_SAFE_INTEGER): Promise<void> {
    const experts = this.moe[0]?.feedForward.experts ?? 1;
    await this.rank.apply({
      gating,
      slotsPerLayer: Math.min(slotsPerLayer, experts),
      eviction: 'lifo',
      placement: contiguous(this.moe.length, experts, 1),
    });
  }

  step(rows: readonly RowPlan[], { profile = false } = {}): Promise<StepResult> {
    const encoding = rows.some((row) => row.source !== undefined);
    return this.rank.step({ step: this.steps++, rows, encoding, sampling: GREEDY, allLogits: false, profile });
  }

  async close(): Promise<void> {
    await this.rank.close();
    this.release();
  }
}

const GATING = LEDGER_CATEGORIES.indexOf('gatingReorder');
const EXECUTION = LEDGER_CATEGORIES.indexOf('expertExecution');

/** Highest of gating/reorder and expert execution together within a profiled step, bytes: what gating makes of activations. */
export function activationBytes({ profile }: StepResult): number {
  if (profile === undefined) throw new Error('the step was not profiled');
  const { bytes } = profile;
  let most = 0;
  for (let at = 0; at < bytes.length; at += CATEGORY_COUNT) {
    most = Math.max(most, (bytes[at + GATING] as number) + (bytes[at + EXECUTION] as number));
  }
  return most;
}
