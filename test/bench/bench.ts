/** What a bench gives and what it is given. A bench is a file beside this one and a line in main.ts. */

/** `replayed`: counted by what-if over a recorded trace; `projected`: computed from other figures. */
export type How = 'measured' | 'replayed' | 'projected';

export type Comparison =
  | { readonly goal: string; readonly met: boolean }
  /** value / the baseline's value, both from this run. */
  | { readonly baseline: string; readonly ratio: number };

export interface Figure {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  readonly how: How;
  readonly versus?: Comparison;
  /** What exactly was measured, where the id does not say it. */
  readonly detail?: string;
}

export interface BenchContext {
  /** The repository. */
  readonly root: string;
  /** The bundled demo language model. */
  readonly model: string;
  /** Built worker of a rank. */
  readonly rankEntry: string;
  /** This bundle: benches start threads and processes of their own with it, see roles.ts. */
  readonly selfEntry: string;
  /** Removed when the benches end. */
  readonly tempDir: string;
  /** A graphics card's id, where one was named. */
  readonly device?: string;
  /** `--profile` was given. */
  readonly profile: boolean;
  /** A part of the bench that cannot run here, and a clause that says why. */
  skip(id: string, why: string): void;
  /** Progress, to stderr. */
  log(line: string): void;
}

export interface Bench {
  readonly id: string;
  readonly title: string;
  /** Ids of the figures it gives. */
  readonly figures: readonly string[];
  run(context: BenchContext): AsyncIterable<Figure> | Promise<readonly Figure[]>;
}

/** The bench cannot run on this machine; the message is a clause that says why. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}

export const ratioTo = (baseline: string, value: number, baselineValue: number): Comparison => ({
  baseline,
  ratio: value / baselineValue,
});
