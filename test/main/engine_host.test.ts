import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ToUtility } from '../../engine/entry/utility_messages.ts';
import { type EngineChild, EngineHost, type ProcessEnd } from '../../src-main/engine_host.ts';
import type { EngineHostState } from '../../src-renderer/bridge/host_api.ts';

/** A process that does what the test says. */
class FakeChild implements EngineChild<string> {
  readonly sent: { message: ToUtility; ports: string | undefined }[] = [];
  killed = false;
  spawn = () => {};
  stderr = (_text: string) => {};
  readonly #ends: ((end: ProcessEnd) => void)[] = [];

  send(message: ToUtility, ports?: string) {
    this.sent.push({ message, ports });
  }
  kill() {
    this.killed = true;
    this.end({ reason: 'killed', exitCode: 9 });
  }
  onSpawn(listener: () => void) {
    this.spawn = listener;
  }
  onStderr(listener: (text: string) => void) {
    this.stderr = listener;
  }
  onEnd(listener: (end: ProcessEnd) => void) {
    this.#ends.push(listener);
  }
  end(end: ProcessEnd) {
    for (const listener of this.#ends) listener(end);
  }
}

function setup() {
  const children: FakeChild[] = [];
  const host = new EngineHost<string>(() => {
    const child = new FakeChild();
    children.push(child);
    return child;
  });
  const states: EngineHostState[] = [];
  host.onState((state) => states.push(state));
  host.start();
  return {
    host,
    states,
    child: (index = 0) => {
      const child = children[index];
      if (child === undefined) throw new Error(`no process ${index}`);
      return child;
    },
    forks: () => children.length,
  };
}

describe('EngineHost', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells a start, and a death with its reason and last words', () => {
    const { host, states, child } = setup();
    child().spawn();
    for (let i = 0; i < 500; i++) child().stderr(`line ${i}\n`);
    child().stderr('no line end');
    child().end({ reason: 'oom', exitCode: 134 });
    expect(states.map(({ kind }) => kind)).toEqual(['starting', 'running', 'gone']);
    const { state } = host;
    if (state.kind !== 'gone') throw new Error(state.kind);
    expect(state).toMatchObject({ reason: 'oom', exitCode: 134 });
    expect(state.stderrTail).toHaveLength(200);
    expect(state.stderrTail.at(-2)).toBe('line 499');
    expect(state.stderrTail.at(-1)).toBe('no line end');
  });

  it('hands ports to the process that runs now', async () => {
    const { host, child } = setup();
    child().spawn();
    host.connect('a');
    child().end({ reason: 'crashed', exitCode: 1 });
    host.connect('nobody');
    await host.restart();
    child(1).spawn();
    host.connect('b');
    expect(child(0).sent).toEqual([{ message: { type: 'connect' }, ports: 'a' }]);
    expect(child(1).sent).toEqual([{ message: { type: 'connect' }, ports: 'b' }]);
  });

  it('asks a running process to close before another starts, and reports no death for it', async () => {
    const { host, states, child, forks } = setup();
    child().spawn();
    const restarted = host.restart();
    expect(child().sent).toEqual([{ message: { type: 'close' }, ports: undefined }]);
    expect(forks()).toBe(1);
    child().end({ reason: 'clean-exit', exitCode: 0 });
    await restarted;
    expect(forks()).toBe(2);
    expect(child().killed).toBe(false);
    expect(states.map(({ kind }) => kind)).toEqual(['starting', 'running', 'starting']);
  });

  it('ends a process that does not close in time', async () => {
    const { host, child } = setup();
    child().spawn();
    const stopped = host.stop();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(child().killed).toBe(false);
    await vi.advanceTimersByTimeAsync(2_000);
    await stopped;
    expect(child().killed).toBe(true);
  });

  it('has nothing to stop after a death', async () => {
    const { host, child } = setup();
    child().end({ reason: 'launch-failed', exitCode: 1 });
    await host.stop();
    expect(child().sent).toEqual([]);
  });
});
