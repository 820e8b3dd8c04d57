import { describe, expect, it } from 'vitest';
import { type FrameTask, RafScheduler } from '../../src-renderer/charts/raf_scheduler.ts';

/** A clock whose time moves only when a test or a task says so. */
function setup() {
  let now = 0;
  let pending: (() => void)[] = [];
  const ran: string[] = [];
  const scheduler = new RafScheduler({
    requestFrame: (callback) => pending.push(callback),
    nowMs: () => now,
  });
  const add = (name: string, more: Partial<FrameTask> & { costMs?: number } = {}) => {
    const { costMs = 0, ...task } = more;
    return scheduler.add({
      name,
      stage: 'paint',
      minIntervalMs: 0,
      ...task,
      run: () => {
        ran.push(name);
        now += costMs;
      },
    });
  };
  /** One animation frame, `afterMs` later; false when none was asked for. */
  const frame = (afterMs = 16) => {
    now += afterMs;
    const due = pending;
    pending = [];
    for (const callback of due) callback();
    return due.length > 0;
  };
  const take = () => ran.splice(0);
  return { scheduler, add, frame, take };
}

describe('RafScheduler', () => {
  it('runs a task once a frame however often it is marked, and asks for no frame when nothing is dirty', () => {
    const { add, frame, take } = setup();
    const task = add('a');
    expect(frame()).toBe(false);
    task.markDirty();
    task.markDirty();
    frame();
    expect(take()).toEqual(['a']);
    expect(frame()).toBe(false);
  });

  it('brings state up to date before painting', () => {
    const { add, frame, take } = setup();
    const paint = add('paint');
    const state = add('state', { stage: 'state' });
    paint.markDirty();
    state.markDirty();
    frame();
    expect(take()).toEqual(['state', 'paint']);
  });

  it('keeps to a task’s interval without losing the last change', () => {
    const { add, frame, take } = setup();
    const task = add('a', { minIntervalMs: 100 });
    task.markDirty();
    frame();
    task.markDirty();
    for (let i = 0; i < 5; i++) frame();
    expect(take()).toEqual(['a']);
    frame(30);
    expect(take()).toEqual(['a']);
  });

  it('puts charts that do not fit into a frame first in the next one', () => {
    const { add, frame, take } = setup();
    const tasks = ['a', 'b', 'c'].map((name) => add(name, { costMs: 6, minIntervalMs: 50 }));
    for (const task of tasks) task.markDirty();
    frame();
    for (const task of tasks) task.markDirty();
    expect(take()).toEqual(['a', 'b']);
    for (let i = 0; i < 6; i++) frame();
    expect(take()).toEqual(['c', 'a', 'b']);
  });

  it('runs a dear task more rarely, so that it takes no more than a tenth of the time', () => {
    const { add, frame, take } = setup();
    const task = add('dear', { costMs: 50, minIntervalMs: 100 });
    for (let i = 0; i < 400; i++) {
      task.markDirty();
      frame(10);
    }
    const total = 400 * 10 + 50 * take().length;
    expect((50 * 8) / total).toBeLessThan(0.11);
  });

  it('skips what nobody sees, and lets it run once it is seen', () => {
    const { add, frame, take } = setup();
    let seen = false;
    const task = add('a', { isVisible: () => seen });
    task.markDirty();
    frame();
    expect(take()).toEqual([]);
    expect(frame()).toBe(false);
    seen = true;
    task.markDirty();
    frame();
    expect(take()).toEqual(['a']);
  });

  it('does not run what was disposed in the same frame', () => {
    const { scheduler, add, frame, take } = setup();
    const victim = { current: undefined as { dispose(): void } | undefined };
    const killer = scheduler.add({ name: 'k', stage: 'paint', minIntervalMs: 0, run: () => victim.current?.dispose() });
    const other = add('victim');
    victim.current = other;
    killer.markDirty();
    other.markDirty();
    frame();
    expect(take()).toEqual([]);
  });

  it('counts and times every run', () => {
    const { scheduler, add, frame } = setup();
    const task = add('a', { costMs: 3 });
    for (let i = 0; i < 4; i++) {
      task.markDirty();
      frame();
    }
    expect(scheduler.paintStats.get('a')).toEqual({ paints: 4, totalMs: 12, worstMs: 3, lastMs: 3 });
  });
});
