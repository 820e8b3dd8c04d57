import type { StoreApi } from 'zustand/vanilla';
import type { Dispose } from '../../../engine/api.ts';
import { animationFrames } from '../../charts/animation_frames.ts';
import { BlockSums } from '../../stores/block_sums.ts';
import type { Span } from '../../stores/buckets.ts';
import type { FrameBus } from '../../stores/frame_bus.ts';
import type { SessionState } from '../../stores/session.ts';
import { type LiveStats, liveStats } from './live_stats.ts';

/** Figures and sentences change at most this often: faster they cannot be read. */
const PUBLISH_MS = 250;

/** Computes the window's statistics once for all panels and tells them. */
export class LiveFeed {
  stats: LiveStats | undefined;
  private span: Span = 60_000;
  private readonly listeners = new Set<() => void>();
  private readonly bus: FrameBus;
  private readonly session: StoreApi<SessionState>;
  private readonly blocks: BlockSums;
  private markDirty: () => void = () => {};

  constructor(bus: FrameBus, session: StoreApi<SessionState>) {
    this.bus = bus;
    this.session = session;
    this.blocks = new BlockSums(bus.history);
  }

  start(): Dispose {
    const task = animationFrames.add({
      name: 'live stats',
      stage: 'state',
      minIntervalMs: PUBLISH_MS,
      run: () => {
        this.stats = liveStats(this.bus.history, this.blocks, this.span, this.session.getState().snapshot);
        for (const listener of this.listeners) listener();
      },
    });
    this.markDirty = task.markDirty;
    const stopBus = this.bus.subscribe(task.markDirty);
    const stopSession = this.session.subscribe(task.markDirty);
    task.markDirty();
    return () => {
      stopBus();
      stopSession();
      task.dispose();
    };
  }

  setSpan(span: Span): void {
    this.span = span;
    this.markDirty();
  }

  subscribe(listener: () => void): Dispose {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }
}
