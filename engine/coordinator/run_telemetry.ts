import type { Audit, TelemetryFrame } from '../protocol/telemetry.ts';
import type { FrameBuilder } from './frame_builder.ts';
import type { LiveReplay } from './live_replay.ts';

const FRAME_MS = 100;
/** Curve and audit are read this often; replay itself goes on in between. */
const READ_MS = 500;
/** Replay works in slices this long between messages. */
const SLICE_MS = 4;

/** Sends frames on a beat, and gives the live replay its share of this thread while the ranks work. */
export class RunTelemetry {
  private readonly frameTimer: NodeJS.Timeout;
  private sliceTimer: NodeJS.Timeout | undefined;
  private readAtMs = 0;
  private sent = false;
  /** A profile of one step goes with each frame. */
  profileWanted = true;

  constructor(
    private readonly frames: FrameBuilder,
    private readonly replay: LiveReplay,
    private readonly send: (frame: TelemetryFrame) => void,
  ) {
    this.frameTimer = setInterval(() => this.beat(), FRAME_MS);
  }

  /** There are new steps: to replay, and the first of a run to show at once. */
  wake(): void {
    if (!this.sent) this.beat();
    this.sliceTimer ??= setTimeout(() => this.slice(), 0);
  }

  /** Replays what is left, sends the last frame; returns the final audit. */
  async finish(): Promise<Audit | undefined> {
    clearInterval(this.frameTimer);
    clearTimeout(this.sliceTimer);
    while (!this.replay.advance(SLICE_MS)) await new Promise((resolve) => setImmediate(resolve));
    this.read();
    this.beat();
    return this.replay.readAudit();
  }

  private slice(): void {
    const done = this.replay.advance(SLICE_MS);
    this.sliceTimer = done ? undefined : setTimeout(() => this.slice(), SLICE_MS);
    if (performance.now() - this.readAtMs >= READ_MS) this.read();
  }

  private read(): void {
    this.readAtMs = performance.now();
    const curve = this.replay.readCurve();
    const audit = this.replay.readAudit();
    if (curve !== undefined) this.frames.setCurve(curve);
    if (audit !== undefined) this.frames.setAudit(audit);
  }

  private beat(): void {
    this.profileWanted = true;
    // Paused between two reads: what was replayed since must still be shown.
    if (this.sliceTimer === undefined && performance.now() - this.readAtMs >= READ_MS && this.replay.unread)
      this.read();
    if (!this.frames.hasNews) return;
    this.sent = true;
    this.send(this.frames.take());
  }
}
