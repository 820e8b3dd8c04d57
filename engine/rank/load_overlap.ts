import type { PhaseClock } from './phase_clock.ts';

/** Of the layers that load, every how many one is measured: it gives up its overlap for that. A prime, so that all layers have their turn. */
const MEASURED_EVERY = 17;
/** What the last measurement leaves of those before: figures follow the workload, 95% of them from the last 8. */
const KEPT = 0.7;

/**
 * How much of the loads' time is hidden on a device that runs experts while its thread loads others. Residents are queued first, and
 * whatever is read, converted and handed over after them takes the thread's time while the device computes. Rejected: handing over all
 * loads first, which leaves the device nothing to do meanwhile, so that nothing is hidden.
 *
 * A load is a stall only once the queue has run dry. ONNX Runtime's binding cannot be asked whether it has, only be waited for, and
 * waiting for it in every layer would take away the overlap that is to be measured. So one layer in MEASURED_EVERY waits before and
 * after each of its loads, which tells how long the device would have gone on beside it, and how long the copy takes that the load left
 * in the queue; a step's loads are split by what such layers told so far. Sampled, then, not estimated: all of it is time that passed.
 * Where nothing is queued, as on a CPU device, every load is a stall, and nothing is waited for.
 */
export class LoadOverlap {
  private layers = 0;
  private begun = true;
  private measuring = false;
  /** Work that is still queued where the device is being measured, ms. */
  private queuedMs = 0;
  /** What waiting takes when nothing is queued. */
  private roundTripMs: number | undefined;
  /** Of measured loads: the thread's time, what of it was hidden, and the copies' time after it. */
  private threadMs = 0;
  private hiddenMs = 0;
  private copyMs = 0;
  /** Waits of this step that others of its kind do not have. */
  private addedMs = 0;

  /** @param settle waits for all that is queued on the device; absent where nothing ever is */
  constructor(
    private readonly clock: PhaseClock,
    private readonly settle: (() => Promise<void>) | undefined,
  ) {}

  /** A layer begins. What was queued before it was waited for with its router logits. */
  begin(): void {
    this.begun = false;
  }

  async load(work: () => Promise<void>): Promise<void> {
    const { clock } = this;
    if (!this.begun) {
      this.begun = true;
      this.measuring = this.settle !== undefined && this.layers++ % MEASURED_EVERY === 0;
      this.queuedMs = 0;
      if (this.measuring) this.fade();
    }
    if (!this.measuring) {
      clock.enter('load');
      await work();
      return;
    }
    clock.enter('experts');
    this.queuedMs += await this.waited();
    clock.enter('load');
    const begunMs = performance.now();
    await work();
    const threadMs = performance.now() - begunMs;
    const copyMs = await this.waited();
    this.addedMs += performance.now() - begunMs - threadMs;
    this.threadMs += threadMs;
    this.hiddenMs += Math.min(threadMs, this.queuedMs);
    this.copyMs += copyMs;
    this.queuedMs = Math.max(0, this.queuedMs - threadMs);
  }

  /** @param loadMs of the step's load phase. @returns what of the loads was hidden, and what the step waited for them */
  take(loadMs: number): { readonly hiddenMs: number; readonly stallMs: number } {
    const { threadMs, copyMs } = this;
    const ownMs = Math.max(0, loadMs - this.addedMs);
    this.addedMs = 0;
    if (threadMs === 0) return { hiddenMs: 0, stallMs: ownMs };
    const hiddenMs = (ownMs * this.hiddenMs) / threadMs;
    return { hiddenMs, stallMs: ownMs - hiddenMs + (ownMs * copyMs) / threadMs };
  }

  private fade(): void {
    this.threadMs *= KEPT;
    this.hiddenMs *= KEPT;
    this.copyMs *= KEPT;
  }

  /** Waits for the queue; what that took beyond asking an empty one. */
  private async waited(): Promise<number> {
    const ms = await this.settled();
    this.roundTripMs = Math.min(ms, this.roundTripMs ?? (await this.settled()));
    return ms - this.roundTripMs;
  }

  private async settled(): Promise<number> {
    const begunMs = performance.now();
    await this.settle?.();
    return performance.now() - begunMs;
  }
}
