import type { CpuDense } from '../device/cpu_dense.ts';
import type { ModelSpec } from '../families/spec.ts';
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

  constructor(
    private readonly spec: ModelSpec,
    private readonly dense: CpuDense,
  ) {}

  /** @param states hidden states by token group after the last layer */
  async run(plan: StepPlan, rows: TokenRows, states: readonly Float32Array[]): Promise<HeadOutput> {
    const { vocabSize } = this.spec;
    const sampled = new Int32Array(plan.rows.length).fill(-1);
    const wanted = plan.allLogits ? Array.from({ length: rows.tokens }, (_, token) => token) : lastTokens(plan);
    if (wanted.length === 0) return { sampled, logits: undefined };
    const logits = await this.dense.runHead(this.collect(wanted, rows, states), wanted.length);
    if (plan.allLogits) return { sampled, logits };
    let at = 0;
    for (const [index, { emit, position, tokens, sequence }] of plan.rows.entries()) {
      if (!emit) continue;
      const next = position + tokens.length;
      const { temperature, seed } = plan;
      sampled[index] = this.sampler.sample(logits, at * vocabSize, vocabSize, temperature, seed, sequence, next);
      at++;
    }
    return { sampled, logits: undefined };
  }

  private collect(wanted: readonly number[], rows: TokenRows, states: readonly Float32Array[]): Float32Array {
    const { hiddenSize } = this.spec;
    const input = new Float32Array(wanted.length * hiddenSize);
    for (const [at, token] of wanted.entries()) {
      const from = (rows.at[token] as number) * hiddenSize;
      const state = states[rows.group[token] as number] as Float32Array;
      input.set(state.subarray(from, from + hiddenSize), at * hiddenSize);
    }
    return input;
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
