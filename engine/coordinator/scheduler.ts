import type { RowPlan } from '../rank/messages.ts';
import type { Prompt, PromptQueue } from './prompts.ts';

interface Sequence {
  readonly id: number;
  readonly prompt: Int32Array;
  rank: number;
  row: number;
  /** Encoder-decoder: to be encoded in the sequence's first step. */
  source: Int32Array | undefined;
  /** Tokens cached so far. */
  position: number;
  /** Tokens to feed next: the rest of the prompt, then one new token at a time. */
  pending: Int32Array;
  /** Generated so far. */
  readonly answer: number[];
}

export interface Admission {
  readonly sequence: number;
  readonly rank: number;
  readonly row: number;
  readonly prompt: Prompt;
}

export interface Emission {
  readonly sequence: number;
  readonly rank: number;
  readonly row: number;
  readonly token: number;
  /** The sequence is complete with this token. */
  readonly done: boolean;
}

export interface SchedulerOptions {
  readonly ranks: number;
  readonly newTokens: number;
  readonly contextTokens: number;
  /** Tokens that end a sequence. */
  readonly endTokens: ReadonlySet<number>;
  /** Of an encoder-decoder: what every decoder sequence begins with; its prompts are then sources. */
  readonly decoderPrompt?: readonly number[];
  /** Where rotary positions are others for sequences of more tokens: one that grows beyond is computed anew, once. */
  readonly switchTokens?: number | undefined;
}

/**
 * Continuous batching: a sequence that ends makes room for the next prompt at once, and a step mixes prompt pieces with single
 * new tokens. Sequences are dealt to the rank with the fewest, onto its lowest free row, and stay there.
 *
 * An encoder-decoder takes prompts in whole batches, the next when the last sequence of the one before is done, as the paper
 * measures it: an encoder that is fed one sentence whenever a place falls free leaves experts idle for no reason of the model's.
 * A source is encoded whole in one step, so that every token of it can see every other.
 */
export class Scheduler {
  private readonly active: Sequence[] = [];
  private ranks: number;
  private next = 0;
  done = 0;

  constructor(
    private readonly prompts: PromptQueue,
    private readonly options: SchedulerOptions,
  ) {
    this.ranks = options.ranks;
  }

  get total(): number {
    return this.prompts.total;
  }

  /** Takes waiting prompts into free places. */
  admit(batch: number): Admission[] {
    const admitted: Admission[] = [];
    const { decoderPrompt } = this.options;
    if (decoderPrompt !== undefined && this.active.length > 0) return admitted;
    while (this.active.length < batch && this.next < this.prompts.total) {
      const prompt = this.prompts.take();
      const { rank, row } = freePlace(this.active, this.ranks);
      this.active.push({
        id: this.next,
        prompt: prompt.tokens,
        rank,
        row,
        ...this.begin(prompt.tokens, []),
        answer: [],
      });
      admitted.push({ sequence: this.next, rank, row, prompt });
      this.next++;
    }
    return admitted;
  }

  /**
   * Deals every sequence under way anew, over so many ranks, to be run again from its tokens: what ranks had cached of it is gone.
   * @returns how many had begun
   */
  restart(ranks: number): number {
    this.ranks = ranks;
    const begun = this.active.filter(({ position }) => position > 0).length;
    const dealt: Sequence[] = [];
    for (const sequence of this.active) {
      Object.assign(sequence, freePlace(dealt, ranks), this.begin(sequence.prompt, sequence.answer));
      dealt.push(sequence);
    }
    return begun;
  }

  /**
   * Rows of the next step by rank, or undefined when nothing is left to do.
   * @param stepTokens most tokens it may hold: longer prompts are taken in pieces, sources that do not fit wait
   */
  plan(stepTokens: number): RowPlan[][] | undefined {
    if (this.active.length === 0) return undefined;
    const plans: RowPlan[][] = Array.from({ length: this.ranks }, () => []);
    // Sequences under way come first: a long prompt must not starve those that already answer, and a row whose keys are cached
    // must be in every step, since the cache is laid out for the rows of the step.
    const begun = ({ position }: Sequence) => (position > 0 ? 0 : 1);
    const order = [...this.active].sort(
      (a, b) => begun(a) - begun(b) || a.pending.length - b.pending.length || a.id - b.id,
    );
    let room = stepTokens;
    for (const sequence of order) {
      const { source } = sequence;
      // A source is encoded with all that its decoder begins with; an answer that is read again may follow in pieces.
      const first = Math.min(sequence.pending.length, this.options.decoderPrompt?.length ?? 0);
      if (source !== undefined && source.length + first > room) break;
      const take = Math.min(room - (source?.length ?? 0), sequence.pending.length);
      if (take === 0) break;
      room -= take + (source?.length ?? 0);
      (plans[sequence.rank] as RowPlan[]).push({
        row: sequence.row,
        sequence: sequence.id,
        position: sequence.position,
        tokens: sequence.pending.subarray(0, take),
        wholeTokens: sequence.position + sequence.pending.length,
        emit: take === sequence.pending.length,
        ...(source && { source }),
      });
    }
    return plans;
  }

  /** Takes a step's samples (per rank, per row plan; -1 for none) and moves every sequence on. */
  advance(plans: readonly (readonly RowPlan[])[], sampled: readonly Int32Array[]): Emission[] {
    const emissions: Emission[] = [];
    for (const [rank, rows] of plans.entries()) {
      for (const [index, { sequence: id, tokens, emit }] of rows.entries()) {
        const sequence = this.active.find((entry) => entry.id === id) as Sequence;
        sequence.position += tokens.length;
        sequence.source = undefined;
        sequence.pending = sequence.pending.subarray(tokens.length);
        if (!emit) continue;
        const token = (sampled[rank] as Int32Array)[index] as number;
        sequence.answer.push(token);
        const done =
          sequence.answer.length >= this.options.newTokens ||
          sequence.position + 1 >= this.options.contextTokens ||
          this.options.endTokens.has(token);
        emissions.push({ sequence: id, rank, row: sequence.row, token, done });
        sequence.pending = Int32Array.of(token);
        // Keys rotated for a shorter sequence are of no use to a longer one.
        if (sequence.position === this.options.switchTokens)
          Object.assign(sequence, this.begin(sequence.prompt, sequence.answer));
        if (done) {
          this.active.splice(this.active.indexOf(sequence), 1);
          this.done++;
        }
      }
    }
    return emissions;
  }

  /** What is fed of a sequence that has nothing cached. */
  private begin(prompt: Int32Array, answer: readonly number[]): Pick<Sequence, 'source' | 'position' | 'pending'> {
    const { decoderPrompt } = this.options;
    const [source, head] = decoderPrompt === undefined ? [undefined, prompt] : [prompt, decoderPrompt];
    const pending = new Int32Array(head.length + answer.length);
    pending.set(head);
    pending.set(answer, head.length);
    return { source, position: 0, pending };
  }
}

/** The lowest free row of the rank with the fewest sequences. */
function freePlace(sequences: readonly Sequence[], ranks: number): { rank: number; row: number } {
  const counts = new Array<number>(ranks).fill(0);
  for (const { rank } of sequences) counts[rank] = (counts[rank] as number) + 1;
  const rank = counts.indexOf(Math.min(...counts));
  const taken = new Set(sequences.filter((entry) => entry.rank === rank).map((entry) => entry.row));
  let row = 0;
  while (taken.has(row)) row++;
  return { rank, row };
}
