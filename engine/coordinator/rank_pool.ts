import { Worker } from 'node:worker_threads';
import { EngineRefusal } from '../api.ts';
import { DeviceLost } from '../device/device_lost.ts';
import { shareCard } from '../device/webgpu/one_thread.ts';
import { Exchange } from '../rank/exchange.ts';
import { Loading } from '../rank/loading.ts';
import type { FromRank, RankSettings, RankSetup, StepPlan, StepResult, ToRank, WorkerSetup } from '../rank/messages.ts';

type Reply<K extends FromRank['kind']> = Extract<FromRank, { kind: K }>;

/** One rank's worker thread seen from the coordinator: one message out, one answer back. */
class RankHandle {
  private readonly worker: Worker;
  private waiting: { resolve: (message: FromRank) => void; reject: (error: Error) => void } | undefined;
  private ended: Error | undefined;

  constructor(
    entry: string,
    private readonly setup: WorkerSetup,
  ) {
    shareCard();
    this.worker = new Worker(entry, { workerData: setup });
    this.worker.on('message', (message: FromRank) => {
      const { waiting } = this;
      this.waiting = undefined;
      if (message.kind !== 'failed') waiting?.resolve(message);
      else waiting?.reject(failureOf(this.setup.device, message));
    });
    this.worker.on('error', (error) => this.end(error));
    this.worker.on('exit', (code) => this.end(new DeviceLost(this.setup.device, `its thread ended with code ${code}`)));
  }

  ask<K extends FromRank['kind']>(message: ToRank | undefined): Promise<Reply<K>> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(this.ended);
        return;
      }
      this.waiting = { resolve: resolve as (message: FromRank) => void, reject };
      if (message !== undefined) this.worker.postMessage(message);
    });
  }

  private end(error: Error): void {
    this.ended ??= error;
    const { exchange, rank } = this.setup;
    // The others may be waiting for what this one will never send.
    if (exchange !== undefined) new Exchange(exchange, rank).abort();
    this.waiting?.reject(error);
    this.waiting = undefined;
  }
}

function failureOf(device: string, reply: Reply<'failed'>): Error {
  if (reply.refusal) return new EngineRefusal(reply.message);
  return reply.lost === undefined ? new RankFailure(device, reply) : new DeviceLost(device, reply.lost);
}

/** A rank's step failed; `aborted` when only because another's did. */
class RankFailure extends Error {
  readonly aborted: boolean;
  constructor(device: string, { message, aborted }: Reply<'failed'>) {
    super(`${device}: ${message}`);
    this.aborted = aborted;
  }
}

const PROGRESS_MS = 200;

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told now and then how many bytes of dense parts were read for, all devices together. */
  readonly progress?: ((bytes: number) => void) | undefined;
}

/** All ranks of a run. Steps are collective: every rank takes part in each. */
export class RankPool {
  private constructor(private readonly ranks: readonly RankHandle[]) {}

  /**
   * Starts a thread a rank and loads the dense parts, side by side.
   * @throws EngineRefusal where `signal` aborts it; every rank has then given up what it held
   */
  static async open(
    entry: string,
    setups: readonly RankSetup[],
    { signal, progress }: OpenOptions = {},
  ): Promise<RankPool> {
    const loading = new Loading();
    const pool = new RankPool(setups.map((setup) => new RankHandle(entry, { ...setup, loading: loading.memory })));
    const cancel = () => loading.cancel();
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted) cancel();
    const ticks = progress && setInterval(() => progress(loading.bytes), PROGRESS_MS);
    try {
      await pool.all<'opened'>(() => undefined);
    } catch (error) {
      await pool.close();
      throw signal?.aborted
        ? new EngineRefusal('start: loading was cancelled; start the run again to load it.')
        : error;
    } finally {
      clearInterval(ticks);
      signal?.removeEventListener('abort', cancel);
    }
    return pool;
  }

  async apply(settings: RankSettings): Promise<number> {
    const replies = await this.all<'applied'>(() => ({ kind: 'settings', settings }));
    return replies.reduce((sum, reply) => sum + reply.evicted, 0);
  }

  async step(plans: readonly StepPlan[]): Promise<StepResult[]> {
    const replies = await this.all<'stepped'>((rank) => ({ kind: 'step', plan: plans[rank] as StepPlan }));
    return replies.map((reply) => reply.result);
  }

  /** Lets every rank release what it holds and end by itself; returns each ledger after that (all zero). */
  async close(): Promise<Float64Array[]> {
    const replies = await Promise.allSettled(this.ranks.map((rank) => rank.ask<'closed'>({ kind: 'close' })));
    return replies.flatMap((reply) => (reply.status === 'fulfilled' ? [reply.value.ledgerBytes] : []));
  }

  /** Asks all; fails with the error of the rank that failed first hand. */
  private async all<K extends FromRank['kind']>(message: (rank: number) => ToRank | undefined): Promise<Reply<K>[]> {
    const settled = await Promise.allSettled(this.ranks.map((rank, index) => rank.ask<K>(message(index))));
    const errors = settled.flatMap((entry) => (entry.status === 'rejected' ? [entry.reason as Error] : []));
    const cause = errors.find((error) => !(error instanceof RankFailure && error.aborted)) ?? errors[0];
    if (cause !== undefined) throw cause;
    return settled.flatMap((entry) => (entry.status === 'fulfilled' ? [entry.value] : []));
  }
}
