import type { Dispose } from '../../engine/api.ts';
import type { Audit, MissCurve, RunTotals, StepProfile, TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import type { RafScheduler, TaskHandle } from '../charts/raf_scheduler.ts';
import { type HistoryBudget, RunHistory } from './history.ts';
import { TextLog } from './text_log.ts';

/** Arrivals over which the frame rate is taken. */
const RATE_FRAMES = 20;

/**
 * Takes telemetry frames as they arrive and tells its subscribers at most once per animation frame (never while the document is
 * hidden). Steps and text are kept whole, of everything else the newest counts. Not a zustand store: at ten frames a second each
 * mounted selector would run for every frame, and React would render it.
 */
export class FrameBus {
  readonly history: RunHistory;
  readonly text = new TextLog();
  runId: string | undefined;
  totals: RunTotals | undefined;
  profile: StepProfile | undefined;
  curve: MissCurve | undefined;
  audit: Audit | undefined;
  /** Left out on the way because this window was behind; since the run began. */
  droppedFrames = 0;
  droppedSteps = 0;
  private readonly listeners = new Set<() => void>();
  private readonly flush: TaskHandle;
  private arrivalsMs: number[] = [];

  constructor(frames: RafScheduler, budget?: HistoryBudget) {
    this.history = new RunHistory(budget);
    this.flush = frames.add({
      name: 'frame bus',
      stage: 'state',
      minIntervalMs: 0,
      run: () => {
        for (const listener of this.listeners) listener();
      },
    });
  }

  push(frame: TelemetryFrame): void {
    if (this.runId !== undefined && frame.runId !== this.runId) this.reset();
    this.runId = frame.runId;
    this.history.append(frame.steps);
    this.text.append(frame.text);
    this.totals = frame.totals;
    this.profile = frame.profile ?? this.profile;
    this.curve = frame.curve ?? this.curve;
    this.audit = frame.audit ?? this.audit;
    this.droppedFrames = frame.droppedFrames;
    this.droppedSteps = frame.droppedSteps;
    this.arrivalsMs.push(performance.now());
    if (this.arrivalsMs.length > RATE_FRAMES) this.arrivalsMs.shift();
    this.flush.markDirty();
  }

  /** Forgets the run; subscribers stay and are told. */
  reset(): void {
    this.history.reset();
    this.text.reset();
    this.runId = undefined;
    this.totals = undefined;
    this.profile = undefined;
    this.curve = undefined;
    this.audit = undefined;
    this.droppedFrames = 0;
    this.droppedSteps = 0;
    this.arrivalsMs = [];
    this.flush.markDirty();
  }

  subscribe(listener: () => void): Dispose {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Frames per second over the last arrivals; 0 when none came for two seconds. */
  get framesPerSecond(): number {
    const first = this.arrivalsMs[0];
    const last = this.arrivalsMs.at(-1);
    if (first === undefined || last === undefined || last === first || performance.now() - last > 2000) return 0;
    return ((this.arrivalsMs.length - 1) * 1000) / (last - first);
  }
}
