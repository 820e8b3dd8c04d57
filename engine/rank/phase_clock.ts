import { PHASE_COUNT, STEP_PHASES, type StepPhase } from '../protocol/telemetry.ts';

const INDEX = Object.fromEntries(STEP_PHASES.map((name, index) => [name, index])) as Record<StepPhase, number>;

/** Splits a step's time into phases: the time since the last switch belongs to the phase that was current. */
export class PhaseClock {
  private readonly spent = new Float64Array(PHASE_COUNT);
  private current = INDEX.other;
  private since = 0;
  private startedAt = 0;

  start(): void {
    this.spent.fill(0);
    this.current = INDEX.other;
    this.startedAt = performance.now();
    this.since = this.startedAt;
  }

  enter(phase: StepPhase): void {
    const now = performance.now();
    this.spent[this.current] = (this.spent[this.current] as number) + now - this.since;
    this.since = now;
    this.current = INDEX[phase];
  }

  /** Ends the step; returns its length and the split [PHASE_COUNT], ms. */
  stop(): { durationMs: number; phaseMs: Float32Array } {
    this.enter('other');
    return { durationMs: this.since - this.startedAt, phaseMs: Float32Array.from(this.spent) };
  }
}
