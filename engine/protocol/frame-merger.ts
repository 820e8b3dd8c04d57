import type { StepColumns, TelemetryFrame, TextDelta } from './telemetry.ts';

/** Steps that a frame may hold; at 10 frames a second more than a screen's width of them. Older ones are left out and counted. */
export const MOST_ROWS = 1024;

/**
 * Holds at most one frame for a window that is behind: frames not yet taken become one frame with all their steps, the newest
 * totals and all text, so that a slow window gets fewer frames and no queue grows.
 */
export class FrameMerger {
  private waiting: TelemetryFrame | undefined;
  private runId: string | undefined;
  private mergedFrames = 0;
  private droppedSteps = 0;

  constructor(private readonly mostRows = MOST_ROWS) {}

  add(frame: TelemetryFrame): void {
    if (frame.runId !== this.runId) {
      this.runId = frame.runId;
      this.mergedFrames = 0;
      this.droppedSteps = 0;
      this.waiting = undefined;
    }
    if (this.waiting === undefined) {
      this.waiting = { ...frame, steps: this.bounded(frame.steps) };
      return;
    }
    this.mergedFrames++;
    const { waiting } = this;
    this.waiting = {
      ...frame,
      steps: this.bounded(concatSteps(waiting.steps, frame.steps)),
      text: mergeText(waiting.text, frame.text),
      profile: frame.profile ?? waiting.profile,
      curve: frame.curve ?? waiting.curve,
      audit: frame.audit ?? waiting.audit,
    };
  }

  /** The frame to send now, undefined where none came since the last call. */
  take(): TelemetryFrame | undefined {
    const { waiting } = this;
    if (waiting === undefined) return undefined;
    this.waiting = undefined;
    return {
      ...waiting,
      droppedFrames: waiting.droppedFrames + this.mergedFrames,
      droppedSteps: waiting.droppedSteps + this.droppedSteps,
    };
  }

  private bounded(steps: StepColumns): StepColumns {
    const excess = steps.count - this.mostRows;
    if (excess <= 0) return steps;
    this.droppedSteps += excess;
    return mapColumns(steps, this.mostRows, (column) => column.slice((column.length / steps.count) * excess));
  }
}

type Column = Exclude<StepColumns[keyof StepColumns], number>;

const isColumn = (value: unknown): value is Column => ArrayBuffer.isView(value);

/** Every column of `steps` changed alike. Columns are found by what they are, so that a new one needs no line here. */
function mapColumns(steps: StepColumns, count: number, change: (column: Column, key: string) => Column): StepColumns {
  const columns = Object.entries(steps).map(([key, column]) => [key, isColumn(column) ? change(column, key) : column]);
  return { ...(Object.fromEntries(columns) as StepColumns), count };
}

/** Rows of `older`, then rows of `newer`. */
function concatSteps(older: StepColumns, newer: StepColumns): StepColumns {
  if (older.count === 0) return newer;
  if (newer.count === 0) return older;
  return mapColumns(older, older.count + newer.count, (column, key) => {
    const tail = newer[key as keyof StepColumns] as Column;
    const joined = new (column.constructor as new (length: number) => Column)(column.length + tail.length);
    joined.set(column);
    joined.set(tail, column.length);
    return joined;
  });
}

/** One delta per sequence, in order of first appearance, with all text of both. */
function mergeText(older: readonly TextDelta[], newer: readonly TextDelta[]): TextDelta[] {
  const merged = new Map<number, TextDelta>();
  for (const delta of [...older, ...newer]) {
    const before = merged.get(delta.sequence);
    merged.set(delta.sequence, before === undefined ? delta : joinDeltas(before, delta));
  }
  return [...merged.values()];
}

function joinDeltas(before: TextDelta, after: TextDelta): TextDelta {
  const prompt = before.prompt ?? after.prompt;
  return {
    sequence: after.sequence,
    row: after.row,
    ...(prompt === undefined ? {} : { prompt }),
    pieces: joinPieces(before.pieces, after.pieces),
    ...(before.done || after.done ? { done: true } : {}),
  };
}

/**
 * Pieces of equal tint become one where the two lists meet: a window left behind for hours then costs the bytes of its text
 * and not an object for every token.
 */
function joinPieces(before: TextDelta['pieces'], after: TextDelta['pieces']): TextDelta['pieces'] {
  const joined = [...before];
  for (const piece of after) {
    const last = joined.at(-1);
    if (last?.waited === piece.waited)
      joined[joined.length - 1] = { text: last.text + piece.text, waited: piece.waited };
    else joined.push(piece);
  }
  return joined;
}
