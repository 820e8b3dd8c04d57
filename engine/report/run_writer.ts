import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import type { RunHeader, RunRecord, RunSummary } from '../protocol/run_file.ts';
import { headLine, recordLine, tailLine } from '../protocol/run_lines.ts';

/** Written as `exporter`; the version is package.json's (a test compares them). */
export const EXPORTER = 'moe-studio 0.1.0';

/** Steps are forced to the disk this often at most: a power cut loses about that much, a killed process only the line in hand. */
const SYNC_EVERY_MS = 250;

/**
 * Appends to a run file. Each record is handed to the system before `append` returns, so it survives the death of this
 * process; forcing it to the disk happens beside the run, because a step must not wait for one.
 */
export class RunWriter {
  private records = 0;
  /** Bytes of whole lines. */
  private length = 0;
  private syncing: Promise<void> | undefined;
  private syncedAtMs = performance.now();

  private constructor(
    private readonly file: string,
    private readonly fd: number,
  ) {}

  /** @throws EngineRefusal where the file is there already (a run is never overwritten) or cannot be made */
  static create(file: string, header: RunHeader): RunWriter {
    let fd: number;
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fd = fs.openSync(file, 'wx');
    } catch (error) {
      throw refusal(file, error);
    }
    const writer = new RunWriter(file, fd);
    writer.write(headLine(EXPORTER, header));
    return writer;
  }

  /** @throws EngineRefusal where the disk takes no more; the file then ends with its last whole line */
  append(record: RunRecord): void {
    this.write(recordLine(record, this.records === 0));
    this.records++;
    if (record.t === 'step') this.syncSoon();
  }

  /** Completes the document, forces it to the disk and closes it. */
  async finish(summary: RunSummary): Promise<void> {
    this.write(tailLine(summary));
    await this.close();
  }

  /** Closes the file as it is: a run that was cut off. */
  async close(): Promise<void> {
    await this.syncing;
    fs.fsyncSync(this.fd);
    fs.closeSync(this.fd);
  }

  private write(line: string): void {
    const bytes = Buffer.from(line);
    try {
      for (let done = 0; done < bytes.length; ) {
        done += fs.writeSync(this.fd, bytes, done, bytes.length - done, this.length + done);
      }
    } catch (error) {
      fs.ftruncateSync(this.fd, this.length);
      throw refusal(this.file, error);
    }
    this.length += bytes.length;
  }

  private syncSoon(): void {
    if (this.syncing !== undefined || performance.now() - this.syncedAtMs < SYNC_EVERY_MS) return;
    this.syncing = new Promise((resolve) => {
      // A failure here shows again at the next write or at the end, where it can be told to someone.
      fs.fdatasync(this.fd, () => {
        this.syncing = undefined;
        this.syncedAtMs = performance.now();
        resolve();
      });
    });
  }
}

function refusal(file: string, error: unknown): EngineRefusal {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST')
    return new EngineRefusal(`${file}: there is a file already; runs are never overwritten, choose another name.`);
  if (code === 'ENOSPC')
    return new EngineRefusal(`${file}: the disk is full; free some space and start the run again.`);
  return new EngineRefusal(`${file}: the run file cannot be written (${code ?? message}); choose a folder that can.`);
}
