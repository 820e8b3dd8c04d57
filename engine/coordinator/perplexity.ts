import { routedPairs } from '../gating/router.ts';
import type { GatingSettings, Precision } from '../protocol/settings.ts';
import { LabRank } from './lab_rank.ts';
import type { OpenModel } from './open_model.ts';

export interface Perplexity {
  /** exp of the mean loss. */
  readonly perplexity: number;
  /** Mean natural-log cross-entropy of a token given those before it in its sequence. */
  readonly loss: number;
  readonly predictions: number;
  /** Token-expert pairs that gating left out, of all. */
  readonly droppedShare: number;
}

export interface PerplexityOptions {
  readonly rankEntry: string;
  /** Each at least 2 tokens. */
  readonly sequences: readonly Int32Array[];
  /** Sequences of one step: capacity is a fraction of its tokens. */
  readonly batch: number;
  readonly gating: readonly GatingSettings[];
  readonly budgetBytes?: number;
  /** Absent: as stored. */
  readonly precision?: Precision;
  readonly pause?: (done: number, text: string) => Promise<void>;
}

/**
 * What dropping costs: teacher-forced perplexity of a language model on given text, under each gating in turn.
 * @returns by gating, undefined where its steps do not fit the device's budget
 */
export async function measurePerplexity(
  model: OpenModel,
  { rankEntry, sequences, batch, gating, budgetBytes, precision, pause }: PerplexityOptions,
): Promise<(Perplexity | undefined)[]> {
  const rank = await LabRank.open(model, rankEntry, budgetBytes, precision);
  try {
    const found: (Perplexity | undefined)[] = [];
    const steps = Math.ceil(sequences.length / batch);
    for (const [index, settings] of gating.entries()) {
      const slots = rank.slotsFor(settings, sequences.slice(0, batch));
      if (slots === 0) {
        found.push(undefined);
        continue;
      }
      await rank.gate(settings, slots);
      const losses = new LossSum(model.spec.vocabSize);
      const sums = { dropped: 0, pairs: 0 };
      for (let step = 0; step < steps; step++) {
        await pause?.((index * steps + step) / (gating.length * steps), 'Perplexity');
        const rows = sequences.slice(step * batch, (step + 1) * batch);
        const { logits, ids, droppedPairs } = await rank.run(rows, { logits: true });
        losses.add(rows, logits as Float32Array);
        sums.dropped += droppedPairs;
        sums.pairs += routedPairs(ids);
      }
      const { perplexity, loss, predictions } = losses;
      found.push({ perplexity, loss, predictions, droppedShare: sums.dropped / sums.pairs });
    }
    return found;
  } finally {
    await rank.close();
  }
}

/** Teacher-forced loss of a language model, summed over steps. */
export class LossSum {
  predictions = 0;
  private sum = 0;

  constructor(private readonly vocab: number) {}

  /** @param logits [tokens of all rows, vocab] */
  add(rows: readonly Int32Array[], logits: Float32Array): void {
    const { vocab } = this;
    let first = 0;
    for (const tokens of rows) {
      for (let at = 0; at + 1 < tokens.length; at++) {
        this.sum += crossEntropy(logits, (first + at) * vocab, vocab, tokens[at + 1] as number);
        this.predictions++;
      }
      first += tokens.length;
    }
  }

  get loss(): number {
    return this.sum / this.predictions;
  }

  get perplexity(): number {
    return Math.exp(this.loss);
  }
}

/** -log softmax(logits)[target], of the logits from `from`. */
function crossEntropy(logits: Float32Array, from: number, vocab: number, target: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = from; i < from + vocab; i++) largest = Math.max(largest, logits[i] as number);
  let sum = 0;
  for (let i = from; i < from + vocab; i++) sum += Math.exp((logits[i] as number) - largest);
  return Math.log(sum) + largest - (logits[from + target] as number);
}
