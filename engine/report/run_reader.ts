import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import type { RunSummary } from '../protocol/run_file.ts';
import { isTail, type RunHead, RunLines, type RunUpgrader } from '../protocol/run_lines.ts';
import { RunParser } from '../protocol/run_parser.ts';
import type { RunRecording } from '../protocol/run_recording.ts';
import { fileLines, unreadable } from './file_lines.ts';

/** A recording is held in memory, at about three quarters of its size on disk. */
export const MOST_RECORDING_BYTES = 4 * 2 ** 30;
const MOST_HEAD_BYTES = 8 * 2 ** 20;
/** First look at a file's end; a step of a small model is a few KiB. */
const TAIL_BYTES = 1 << 18;

/**
 * The whole recording of a run file. Where the file was cut, what is before the cut, with `truncation` saying so.
 * @throws EngineRefusal for a file that is no run file, is of a newer version, or cannot be read
 */
export async function readRun(file: string, upgraders?: ReadonlyMap<number, RunUpgrader>): Promise<RunRecording> {
  const parser = new RunParser(path.basename(file), upgraders);
  for await (const line of fileLines(file, MOST_RECORDING_BYTES)) {
    if (!parser.push(line)) break;
  }
  return parser.finish();
}

export interface RunOutline extends RunHead {
  /** Whole steps in the file. */
  readonly steps: number;
  readonly complete: boolean;
  readonly summary?: RunSummary;
}

/**
 * What a list of runs needs, from a file's first line and its end: the size of the file does not matter.
 * @throws EngineRefusal as `readRun` does
 */
export function readRunOutline(file: string): RunOutline {
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch (error) {
    throw unreadable(file, error as NodeJS.ErrnoException);
  }
  try {
    const { size } = fs.fstatSync(fd);
    const head = firstLine(fd, size, file);
    const lines = RunLines.open(path.basename(file), head);
    return { ...lines.head, ...lookAtEnd(fd, Buffer.byteLength(head) + 1, size, lines) };
  } catch (error) {
    throw error instanceof EngineRefusal ? error : unreadable(file, error as NodeJS.ErrnoException);
  } finally {
    fs.closeSync(fd);
  }
}

function firstLine(fd: number, size: number, file: string): string {
  for (let bytes = 1 << 14; ; bytes *= 4) {
    const text = readText(fd, 0, Math.min(bytes, size));
    const end = text.indexOf('\n');
    if (end !== -1) return text.slice(0, end);
    if (bytes >= size) return text;
    if (bytes > MOST_HEAD_BYTES)
      throw new EngineRefusal(
        `${path.basename(file)}: this is not a run file of MoE Studio; choose one that it wrote.`,
      );
  }
}

/** Looks at ever more of the end until a tail or a whole step is found there. */
function lookAtEnd(fd: number, begin: number, size: number, lines: RunLines): Omit<RunOutline, keyof RunHead> {
  for (let bytes = TAIL_BYTES; ; bytes *= 4) {
    const from = Math.max(begin, size - bytes);
    const text = from < size ? readText(fd, from, size - from) : '';
    // Unless it begins where the records begin, the first line may be the end of one.
    const ends = text.split('\n').slice(from === begin ? 0 : 1);
    for (const line of ends.reverse()) {
      const summary = isTail(line) ? lines.parseTail(line) : undefined;
      if (summary !== undefined) return { steps: summary.totals.steps, complete: true, summary };
      const record = lines.parseRecord(line);
      if (record?.t === 'step') return { steps: record.n + 1, complete: false };
    }
    if (from === begin) return { steps: 0, complete: false };
  }
}

function readText(fd: number, from: number, length: number): string {
  const buffer = Buffer.alloc(length);
  return buffer.toString('utf8', 0, fs.readSync(fd, buffer, 0, length, from));
}
