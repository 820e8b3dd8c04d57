import type { DenseDevice, Hidden } from '../device/device.ts';
import type { TokenRows } from './layer_input.ts';
import type { StepPlan } from './messages.ts';
import { Sampler } from './sampler.ts';

export interface HeadOutput {
  /** Sampled token per row of the plan, -1 where none was asked for. */
  readonly sampled: Int32Array;
  /** [tokens, vocab] where all were asked for. */
  readonly logits: Float32Array | undefined;
}

/** Final norm, head and sampling: for the rows that emit a token only, unless all logits are wanted. */
export class RankHead {
  private readonly sampler = new Sampler();
  /** Tokens of each row's sequence; kept only where repetition is penalised. */
  private readonly seen = new Map<number, Set<number>>();

  constructor(
    private readonly vocabSize: number,
    private readonly dense: DenseDevice,
  ) {}

  /** @param states hidden states by token group after the last layer; given up by the call */
  async run(plan: StepPlan, rows: TokenRows, states: readonly Hidden[]): Promise<HeadOutput> {
    const { vocabSize } = this;
    const { sampling } = plan;
    if (sampling.repetitionPenalty !== 1) this.remember(plan);
    const sampled = new Int32Array(plan.rows.length).fill(-1);
    const wanted = plan.allLogits ? Array.from({ length: rows.tokens }, (_, token) => token) : lastTokens(plan);
    const logits = await this.dense.runHead(states, rows, wanted);
    if (wanted.length === 0) return { sampled, logits: undefined };
    if (plan.allLogits) return { sampled, logits };
    let at = 0;
    for (const [index, { emit, row, position, tokens, sequence }] of plan.rows.entries()) {
      if (!emit) continue;
      const own = logits.subarray(at * vocabSize, ++at * vocabSize);
      const next = position + tokens.length;
      sampled[index] = this.sampler.sample(own, sampling, this.seen.get(row) ?? [], sequence, next);
    }
    return { sampled, logits: undefined };
  }

  /** Every token of a sequence passes through its rank once, as part of the prompt or after it was sampled. */
  private remember({ rows }: StepPlan): void {
    for (const { row, position, tokens } of rows) {
      const seen = position === 0 ? new Set<number>() : (this.seen.get(row) ?? new Set());
      for (const token of tokens) seen.add(token);
      this.seen.set(row, seen);
    }
  }
}

/** Index of the last token of every row that emits. */
function lastTokens(plan: StepPlan): number[] {
  const last: number[] = [];
  let token = 0;
  for (const { tokens, emit } of plan.rows) {
    token += tokens.length;
    if (emit) last.push(token - 1);
  }
  return last;
}
