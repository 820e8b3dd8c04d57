import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GrowingRun } from '../../engine/report/growing_run.ts';
import { toTrace } from '../../engine/report/recording.ts';
import { readRun } from '../../engine/report/run_reader.ts';
import { RunWriter } from '../../engine/report/run_writer.ts';
import { anyRun } from './run_examples.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'growing-run-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('a run file that grows', () => {
  it('read on at any moment is the file as it stands, and what was read before stays as it was', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyRun,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
        async (run, at) => {
          const [whole, file] = [path.join(folder, `whole-${files}.json`), path.join(folder, `part-${files++}.json`)];
          const writer = RunWriter.create(whole, run.header);
          for (const record of run.records) writer.append(record);
          await writer.finish(run.summary);
          const bytes = fs.readFileSync(whole);
          const head = bytes.indexOf('\n') + 1;
          const cuts = at.map((share) => head + Math.floor(share * (bytes.length - head))).sort((a, b) => a - b);
          const growing = new GrowingRun(file);
          let written = 0;
          const seen: { steps: number; length: number; trace: number }[] = [];
          const reads = [];
          for (const end of [...cuts, bytes.length]) {
            fs.appendFileSync(file, bytes.subarray(written, end));
            written = end;
            // Two at once, as two labs ask.
            const [read, again] = await Promise.all([growing.read(), growing.read()]);
            expect(again.recording.steps).toEqual(read.recording.steps);
            reads.push(read);
            seen.push({ steps: read.trace.steps, length: read.recording.steps.length, trace: read.trace.tokens });
          }
          const last = reads[reads.length - 1] as (typeof reads)[number];
          const expected = await readRun(whole);
          expect({ ...last.recording, exporter: '' }).toEqual({ ...expected, exporter: '' });
          expect(last.trace).toEqual(toTrace(expected));
          for (const [index, { recording, trace }] of reads.entries()) {
            expect({ steps: trace.steps, length: recording.steps.length, trace: trace.tokens }).toEqual(seen[index]);
            expect(trace.steps).toBe(recording.steps.length);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('that has not begun, or is something else, is refused and may be asked again', async () => {
    const file = path.join(folder, 'none.json');
    const growing = new GrowingRun(file);
    await expect(growing.read()).rejects.toThrow(/no such file/);
    fs.writeFileSync(file, '{"hello":1}\n');
    await expect(growing.read()).rejects.toThrow(/not a run file/);
  });
});
