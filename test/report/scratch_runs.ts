import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { RunWriter } from '../../engine/report/run_writer.ts';
import type { ExampleRun } from './run_examples.ts';

/** A folder for a test file's run files, removed after it. */
export function scratchRuns() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'run-file-'));
  let files = 0;
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  const newFile = () => path.join(folder, `run-${files++}.json`);

  async function write(run: ExampleRun): Promise<string> {
    const file = newFile();
    const writer = RunWriter.create(file, run.header);
    for (const record of run.records) writer.append(record);
    await writer.finish(run.summary);
    return file;
  }
  return { folder, newFile, write };
}
