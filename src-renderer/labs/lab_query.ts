import type { Dispose } from '../../engine/api.ts';

/** Where a lab's question stands. The last answer stays until the next one has come: a lab never goes blank while it computes. */
export interface QueryState<R> {
  readonly result: R | undefined;
  /** Key of the question that `result` answers. */
  readonly answered: string | undefined;
  readonly isAsking: boolean;
  /** Why the last question got no answer. */
  readonly error: string | undefined;
  /** The person let go of the question; it is asked again only on demand or when it changes. */
  readonly isCancelled: boolean;
}

export interface Question<R> {
  /** Two questions with the same key have the same answer, but for a run that has gone on. */
  readonly key: string;
  /** What it is about. An answer about something else is not kept in sight while this one is computed. */
  readonly about: string;
  readonly ask: () => Promise<R>;
}

const NOTHING: QueryState<never> = {
  result: undefined,
  answered: undefined,
  isAsking: false,
  error: undefined,
  isCancelled: false,
};

/**
 * Asks one question at a time. A question that changes while an answer is on its way waits for it, and only the newest
 * waits: a slider drawn over ten values costs the engine two tables and not ten.
 */
export class LabQuery<R> {
  state: QueryState<R> = NOTHING;
  /** How long the last answer took, and when it came, ms of `nowMs`. */
  tookMs = 0;
  answeredMs = Number.NEGATIVE_INFINITY;
  private question: Question<R> | undefined;
  private inFlight: { readonly key: string } | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  subscribe(listener: () => void): Dispose {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Takes over a question; asks when it differs from the last one. Undefined: there is nothing to ask. */
  set(question: Question<R> | undefined): void {
    const isSame = question?.key === this.question?.key;
    const isNewSubject = question?.about !== this.question?.about;
    this.question = question;
    if (isSame) return;
    if (question === undefined) {
      this.inFlight = undefined;
      this.publish({ ...NOTHING });
      return;
    }
    const kept = isNewSubject ? { ...NOTHING, isAsking: this.inFlight !== undefined } : this.state;
    this.publish({ ...kept, error: undefined, isCancelled: false });
    this.send();
  }

  /** Asks the same question again, for example because the run has gone on. */
  refresh(): void {
    this.send();
  }

  /** Lets go of the answer that is on its way. */
  cancel(): void {
    if (this.inFlight === undefined) return;
    this.inFlight = undefined;
    this.publish({ ...this.state, isAsking: false, isCancelled: true });
  }

  private send(): void {
    const { question } = this;
    if (question === undefined || this.inFlight !== undefined) return;
    const ticket = { key: question.key };
    this.inFlight = ticket;
    const startMs = this.nowMs();
    this.publish({ ...this.state, isAsking: true, isCancelled: false });
    const settle = (next: Partial<QueryState<R>>) => {
      if (this.inFlight !== ticket) return;
      this.inFlight = undefined;
      this.tookMs = this.nowMs() - startMs;
      this.answeredMs = this.nowMs();
      const isCurrent = this.question?.key === ticket.key;
      // An answer to a question that is no longer asked is not shown as one to the present question.
      this.publish({ ...this.state, isAsking: false, ...(isCurrent ? next : {}) });
      if (!isCurrent) this.send();
    };
    question.ask().then(
      (result) => settle({ result, answered: ticket.key, error: undefined }),
      (error: Error) => settle({ error: error.message }),
    );
  }

  private publish(state: QueryState<R>): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

/** A live table is asked for again no faster than this. */
const LEAST_REFRESH_MS = 2000;

/** The engine spends at most a quarter of its time on a table that follows a run. */
const REST_SHARE = 3;

/** Milliseconds to wait after an answer that took `tookMs` before the same question is asked again. */
export const restMs = (tookMs: number): number => Math.max(LEAST_REFRESH_MS, REST_SHARE * tookMs);
