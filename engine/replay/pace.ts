import { EngineRefusal } from '../api.ts';

/** Long work shares its thread: it stops for messages this often. */
const SLICE_MS = 8;

/** Lets others have the thread now and then, and ends work that nobody waits for any more. */
export class Pace {
  private resumedAtMs = performance.now();

  /** @param tell how far the work is: share done, and what is being done */
  constructor(
    private readonly signal?: AbortSignal,
    readonly tell: (fraction: number, text: string) => void = () => {},
  ) {}

  /** To be awaited every few thousand events. @throws EngineRefusal where the work was cancelled */
  async rest(): Promise<void> {
    if (performance.now() - this.resumedAtMs < SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.resumedAtMs = performance.now();
    this.check();
  }

  /** @throws EngineRefusal where the work was cancelled */
  check(): void {
    if (this.signal?.aborted) throw new EngineRefusal('The question was cancelled before it was answered.');
  }
}
