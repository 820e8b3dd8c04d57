import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../../api.ts';
import type { WeightPrecision } from '../block_quantise.ts';
import {
  EXPERTS_NAME,
  HASH_DIGITS,
  holdPack,
  JOURNAL_NAME,
  PART_NAME,
  readManifest,
  removeManifest,
  stateOf,
  writeManifest,
} from './pack_folder.ts';
import { PackLock } from './pack_lock.ts';

/** Mapped by the page: an expert's pages are its own. */
export const PAGE_BYTES = 4096;
/** Time that is left is told from so much work on. */
const TELLING_MS = 1000;

export interface PackRecord {
  readonly offsetBytes: number;
  readonly byteLength: number;
  /** Checkpoint values that are read for it. */
  readonly values: number;
  /** Writes it, and yields values as it goes on. */
  fill(into: Uint8Array): Iterable<number>;
}

export interface PackPlan {
  readonly folder: string;
  readonly model: string;
  readonly precision: WeightPrecision;
  /** Names the checkpoint's files as they are: another key is another pack. */
  readonly key: string;
  readonly bytes: number;
  readonly records: readonly PackRecord[];
}

/** Awaited every few million values with what is done; throws to end the work. */
export type PackPause = (fraction: number, text: string) => Promise<void>;

/**
 * Sees to it that a pack is there, whole and as it was written: makes it, goes on with one that was begun, or makes those experts
 * anew whose bytes are not what they were. One expert is in memory at a time, and nothing is used before all of it is right.
 * @returns what ends the use of it
 * @throws EngineRefusal where the disk is full or another process makes the same pack; what `pause` throws
 */
export async function ensurePack(plan: PackPlan, pause: PackPause): Promise<() => void> {
  const { folder, key, bytes } = plan;
  const manifest = readManifest(folder);
  const fits = manifest?.key === key && manifest.bytes === bytes && manifest.hashes.length === plan.records.length;
  if (fits && manifest.state === stateOf(path.join(folder, EXPERTS_NAME))) return holdPack(folder);
  fs.mkdirSync(folder, { recursive: true });
  const lock = new PackLock(folder);
  const work: PackPause = (fraction, text) => {
    lock.touch();
    return pause(fraction, text);
  };
  try {
    // No pack from here on: it is one again when its manifest is.
    removeManifest(folder);
    const part = path.join(folder, PART_NAME);
    const whole = path.join(folder, EXPERTS_NAME);
    if (fs.existsSync(whole)) fs.renameSync(whole, part);
    const known = fits ? manifest.hashes : readJournal(folder);
    const hashes = await writeRecords(plan, part, known, work);
    fs.renameSync(part, whole);
    const { model, precision } = plan;
    const state = stateOf(whole) ?? '';
    writeManifest(folder, { format: 'moe-studio-pack', version: 1, model, precision, key, bytes, state, hashes });
    fs.rmSync(path.join(folder, JOURNAL_NAME), { force: true });
    return holdPack(folder);
  } catch (error) {
    throw refusal(plan, error);
  } finally {
    lock.release();
  }
}

async function writeRecords(
  plan: PackPlan,
  file: string,
  known: readonly (string | undefined)[],
  pause: PackPause,
): Promise<string[]> {
  const { records, folder } = plan;
  const buffer = new Uint8Array(Math.max(...records.map(({ byteLength }) => byteLength)));
  const fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT);
  const journal = fs.openSync(path.join(folder, JOURNAL_NAME), 'a');
  const progress = new PackProgress(records);
  try {
    const hashes: string[] = [];
    for (const [index, record] of records.entries()) {
      const blob = buffer.subarray(0, record.byteLength);
      const wanted = known[index];
      let hash = wanted === undefined ? undefined : readHash(fd, record, blob);
      if (hash === undefined || hash !== wanted) {
        blob.fill(0);
        for (const values of record.fill(blob)) await pause(progress.wrote(values), progress.text());
        writeAll(fd, blob, record.offsetBytes);
        hash = hashOf(blob);
        fs.writeSync(journal, `${index} ${hash}\n`);
      } else {
        await pause(progress.found(record.values), 'Checking packed experts');
      }
      hashes.push(hash);
    }
    fs.ftruncateSync(fd, plan.bytes);
    fs.fsyncSync(fd);
    return hashes;
  } finally {
    fs.closeSync(fd);
    fs.closeSync(journal);
  }
}

/** How far the conversion is, and how long the rest takes at the pace so far: finding what was written before is not that pace. */
class PackProgress {
  private readonly total: number;
  private done = 0;
  private written = 0;
  private readonly begunMs = performance.now();
  private foundMs = 0;

  constructor(records: readonly PackRecord[]) {
    this.total = records.reduce((sum, { values }) => sum + values, 0);
  }

  wrote(values: number): number {
    this.done += values;
    this.written += values;
    return this.done / this.total;
  }

  found(values: number): number {
    this.done += values;
    this.foundMs = performance.now() - this.begunMs;
    return this.done / this.total;
  }

  text(): string {
    const spentMs = performance.now() - this.begunMs - this.foundMs;
    if (spentMs < TELLING_MS) return 'Packing experts';
    const leftMs = ((this.total - this.done) / this.written) * spentMs;
    return `Packing experts, ${durationText(leftMs / 1000)} left`;
  }
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Hashes by expert of what was written; a line that was cut off is none. */
function readJournal(folder: string): (string | undefined)[] {
  const file = path.join(folder, JOURNAL_NAME);
  if (!fs.existsSync(file)) return [];
  const hashes: (string | undefined)[] = [];
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const match = /^(\d{1,7}) ([0-9a-f]{32})$/.exec(line);
    if (match !== null) hashes[Number(match[1])] = match[2];
  }
  return hashes;
}

function readHash(fd: number, { offsetBytes }: PackRecord, blob: Uint8Array): string | undefined {
  for (let done = 0; done < blob.length; ) {
    const read = fs.readSync(fd, blob, done, blob.length - done, offsetBytes + done);
    if (read === 0) return undefined;
    done += read;
  }
  return hashOf(blob);
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, HASH_DIGITS);

function writeAll(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, offset + done);
  }
}

/** What the file system says, in the user's terms. A full disk gets its space back: what was packed is made again in minutes. */
function refusal({ folder, bytes }: PackPlan, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof EngineRefusal || code === undefined) return error;
  const name = path.basename(folder);
  if (code === 'ENOSPC') {
    for (const file of [PART_NAME, JOURNAL_NAME]) fs.rmSync(path.join(folder, file), { force: true });
    return new EngineRefusal(
      `${name}: the expert pack needs ${(bytes / 2 ** 30).toFixed(1)} GiB and the disk is full; free some, or empty the packs.`,
    );
  }
  return new EngineRefusal(`${name}: the expert pack cannot be written (${code}); check ${path.dirname(folder)}.`);
}
