import type { Dispose } from '../../engine/api.ts';

/** Where animation frames and the time come from; tests drive it by hand. */
export interface FrameClock {
  requestFrame(callback: () => void): void;
  nowMs(): number;
}

export interface FrameTask {
  readonly name: string;
  /** State is brought up to date before anything is painted in the same frame. */
  readonly stage: 'state' | 'paint';
  /** At most one run in this time; 0 allows every frame. */
  readonly minIntervalMs: number;
  /** May be skipped while nobody sees it; it stays dirty and runs when it is seen again. */
  readonly isVisible?: () => boolean;
  run(): void;
}

export interface TaskHandle {
  markDirty(): void;
  readonly dispose: Dispose;
}

export interface PaintStat {
  paints: number;
  totalMs: number;
  worstMs: number;
  lastMs: number;
}

/**
 * Painting that fits in one frame, half of it at 60 Hz: a chart that is expected to exceed it waits for the next frame, unless it
 * is the first in this one.
 */
const FRAME_PAINT_MS = 8;

/** A task that takes long is run more rarely, so that no chart takes more than this share of the time. */
const MOST_SHARE = 0.1;

interface Entry {
  readonly task: FrameTask;
  dirty: boolean;
  notBeforeMs: number;
  /** What the last run took. */
  tookMs: number;
}

/**
 * Owns every animation frame of the window: tasks mark themselves dirty, a frame runs the ones that are due. Dirty is a flag,
 * never a queue. Tasks that find no room in a frame go first in the next one.
 * Asking for a frame from each chart was rejected: several charts would then paint in the same frame, whatever they cost.
 */
export class RafScheduler {
  /** By task name; read by the bench. */
  readonly paintStats = new Map<string, PaintStat>();
  private entries: Entry[] = [];
  private requested = false;
  private readonly clock: FrameClock;

  constructor(clock: FrameClock) {
    this.clock = clock;
  }

  add(task: FrameTask): TaskHandle {
    const entry: Entry = { task, dirty: false, notBeforeMs: 0, tookMs: 0 };
    this.entries.push(entry);
    return {
      markDirty: () => {
        entry.dirty = true;
        this.request();
      },
      dispose: () => {
        entry.dirty = false;
        this.entries = this.entries.filter((other) => other !== entry);
      },
    };
  }

  /** Runs once, in the frame after the next. */
  nextFrame(run: () => void): void {
    this.clock.requestFrame(() => this.clock.requestFrame(run));
  }

  private request(): void {
    if (this.requested) return;
    this.requested = true;
    this.clock.requestFrame(() => {
      this.requested = false;
      this.frame();
    });
  }

  private frame(): void {
    const startMs = this.clock.nowMs();
    for (const entry of this.entries) {
      if (entry.task.stage === 'state' && this.isDue(entry, startMs)) this.runTask(entry);
    }
    const due = this.entries.filter((entry) => entry.task.stage === 'paint' && this.isDue(entry, startMs));
    let hasPainted = false;
    for (const entry of due.sort((a, b) => a.notBeforeMs - b.notBeforeMs)) {
      if (hasPainted && this.clock.nowMs() - startMs + entry.tookMs > FRAME_PAINT_MS) continue;
      if (!this.entries.includes(entry)) continue;
      this.runTask(entry);
      hasPainted = true;
    }
    if (this.entries.some((entry) => entry.dirty && this.isSeen(entry))) this.request();
  }

  private isSeen(entry: Entry): boolean {
    return entry.task.isVisible?.() ?? true;
  }

  private isDue(entry: Entry, nowMs: number): boolean {
    return entry.dirty && entry.notBeforeMs <= nowMs && this.isSeen(entry);
  }

  private runTask(entry: Entry): void {
    const startMs = this.clock.nowMs();
    entry.dirty = false;
    entry.task.run();
    const tookMs = this.clock.nowMs() - startMs;
    entry.tookMs = tookMs;
    entry.notBeforeMs = startMs + Math.max(entry.task.minIntervalMs, tookMs / MOST_SHARE);
    if (entry.task.minIntervalMs === 0) entry.notBeforeMs = startMs;
    const stat = this.paintStats.get(entry.task.name) ?? { paints: 0, totalMs: 0, worstMs: 0, lastMs: 0 };
    stat.paints++;
    stat.totalMs += tookMs;
    stat.worstMs = Math.max(stat.worstMs, tookMs);
    stat.lastMs = tookMs;
    this.paintStats.set(entry.task.name, stat);
  }
}
