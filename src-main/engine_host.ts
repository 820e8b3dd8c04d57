import type { Dispose } from '../engine/api.ts';
import type { ToUtility } from '../engine/entry/utility_messages.ts';
import type { EngineHostState } from '../src-renderer/bridge/host_api.ts';
import { LineRing } from './line_ring.ts';

/** What the system says of a process that ended. */
export interface ProcessEnd {
  readonly reason: string;
  readonly exitCode: number;
}

/** A forked engine process, seen without Electron. `Ports` are what is handed over to it. */
export interface EngineChild<Ports> {
  send(message: ToUtility, ports?: Ports): void;
  kill(): void;
  onSpawn(listener: () => void): void;
  onStderr(listener: (text: string) => void): void;
  /** Once, after the last of stderr. */
  onEnd(listener: (end: ProcessEnd) => void): void;
}

const STDERR_LINES = 200;
/** Ranks finish the step that they are in before they stop; one that takes longer than this is stuck. */
const CLOSE_MS = 5_000;

/** Forks the engine process, watches it, and says in which state it is. */
export class EngineHost<Ports> {
  readonly #fork: () => EngineChild<Ports>;
  readonly #listeners = new Set<(state: EngineHostState) => void>();
  #state: EngineHostState = { kind: 'starting' };
  #child: EngineChild<Ports> | undefined;
  #stopping = false;

  constructor(fork: () => EngineChild<Ports>) {
    this.#fork = fork;
  }

  get state(): EngineHostState {
    return this.#state;
  }

  onState(listener: (state: EngineHostState) => void): Dispose {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    const child = this.#fork();
    const stderr = new LineRing(STDERR_LINES);
    this.#child = child;
    this.#set({ kind: 'starting' });
    child.onStderr((text) => stderr.add(text));
    child.onSpawn(() => this.#set({ kind: 'running' }));
    child.onEnd(({ reason, exitCode }) => {
      this.#child = undefined;
      // An end that we asked for is no news.
      if (!this.#stopping) this.#set({ kind: 'gone', reason, exitCode, stderrTail: stderr.lines() });
    });
  }

  /** Offers the running engine on two ports. Without a running one nothing happens: they are asked for again after the start. */
  connect(ports: Ports): void {
    this.#child?.send({ type: 'connect' }, ports);
  }

  async restart(): Promise<void> {
    await this.stop();
    this.start();
  }

  /** Asks the process to finish, and ends it where it does not within a bounded time. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#stopping = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill(), CLOSE_MS);
      child.onEnd(() => {
        clearTimeout(timer);
        resolve();
      });
      child.send({ type: 'close' });
    });
    this.#stopping = false;
  }

  #set(state: EngineHostState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
