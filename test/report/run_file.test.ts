import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { RunParser } from '../../engine/protocol/run_parser.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { readRun, readRunOutline } from '../../engine/report/run_reader.ts';
import { EXPORTER } from '../../engine/report/run_writer.ts';
import { anyRun, type ExampleRun } from './run_examples.ts';
import { toRecords } from './run_records.ts';
import { scratchRuns } from './scratch_runs.ts';

const { newFile, write } = scratchRuns();

function parse(text: string): RunRecording {
  const parser = new RunParser('run.json');
  for (const line of text.split('\n')) if (line !== '') parser.push(line);
  return parser.finish();
}

const stepsOf = (recording: RunRecording) => toRecords(recording).filter(({ t }) => t === 'step');

describe('run file (law 8)', () => {
  it('read back is equal to what was written', async () => {
    await fc.assert(
      fc.asyncProperty(anyRun, async (run) => {
        const file = await write(run);
        const recording = await readRun(file);
        expect(recording).toMatchObject({
          exporter: EXPORTER,
          header: run.header,
          summary: run.summary,
          complete: true,
        });
        expect(recording.truncation).toBeUndefined();
        expect(toRecords(recording)).toEqual(run.records);
        expect(readRunOutline(file)).toMatchObject({
          complete: true,
          summary: run.summary,
          steps: recording.steps.length,
        });
        // And any JSON reader can read it whole.
        const { records } = JSON.parse(fs.readFileSync(file, 'utf8'));
        expect(records).toEqual(run.records);
      }),
      { numRuns: 60 },
    );
  });

  it('cut at every byte, opens up to its last whole step and says so', async () => {
    const [run] = fc.sample(
      anyRun.filter(({ records }) => records.filter(({ t }) => t === 'step').length === 2 && records.length > 3),
      { numRuns: 1, seed: 5 },
    ) as [ExampleRun];
    const whole = fs.readFileSync(await write(run));
    const wanted = stepsOf(await readRun(await write(run)));
    const wholeLines = whole.toString('utf8').split('\n').slice(1);
    const file = newFile();
    const firstLineEnd = whole.indexOf('\n');
    for (let length = 0; length < whole.length - 1; length++) {
      const text = whole.subarray(0, length).toString('utf8');
      // Every length through the parser, and through the file readers as often as keeps the test short.
      const throughFile = length % 16 === 0;
      if (throughFile) fs.writeFileSync(file, whole.subarray(0, length));
      if (length < firstLineEnd) {
        expect(() => parse(text), `${length} bytes`).toThrow(EngineRefusal);
        if (throughFile) expect(() => readRunOutline(file)).toThrow(EngineRefusal);
        if (throughFile) await expect(readRun(file)).rejects.toThrow(EngineRefusal);
        continue;
      }
      const cut = throughFile ? await readRun(file) : parse(text);
      // A step is whole once its line is, with or without the line feed.
      const lines = text.split('\n').slice(1);
      const steps = lines.filter((line, index) => line === wholeLines[index] && line.includes('"t":"step"')).length;
      expect(stepsOf(cut), `${length} bytes`).toEqual(wanted.slice(0, steps));
      expect(cut.complete).toBe(false);
      expect(cut.truncation).toContain(steps === 1 ? 'the 1 whole step' : `the ${steps} whole steps`);
      if (throughFile) expect(readRunOutline(file)).toMatchObject({ steps, complete: false });
    }
    fs.writeFileSync(file, whole.subarray(0, whole.length - 1));
    expect((await readRun(file)).complete).toBe(true);
  });

  it('keeps what comes before a damaged line, and nothing after it', async () => {
    const run = fc.sample(
      anyRun.filter(({ records }) => records.filter(({ t }) => t === 'step').length > 2),
      { numRuns: 1, seed: 9 },
    )[0] as ExampleRun;
    const file = await write(run);
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    const second = lines.findIndex((line) => line.includes('"n":1,'));
    for (const damage of [
      '',
      '\0\0\0',
      (lines[second] as string).replace('"n":1,', '"n":2,'),
      (lines[second] as string).replace('"stallMs"', '"x"'),
    ]) {
      const damaged = newFile();
      fs.writeFileSync(damaged, [...lines.slice(0, second), damage, ...lines.slice(second + 1)].join('\n'));
      const recording = await readRun(damaged);
      expect(recording).toMatchObject({ complete: false });
      expect(recording.steps).toHaveLength(1);
      expect(recording.truncation).toContain(`in line ${second + 1}`);
    }
  });

  it('becomes a trace and a timeline', async () => {
    const run = fc.sample(
      anyRun.filter(({ records }) => records.filter(({ t }) => t === 'settings').length > 1),
      { numRuns: 1, seed: 3 },
    )[0] as ExampleRun;
    const recording = await readRun(await write(run));
    const trace = toTrace(recording);
    expect(trace.steps).toBe(recording.steps.length);
    for (const [index, step] of recording.steps.entries()) expect(trace.stepIds(index)).toEqual(step.ids);
    const { changes } = toTimeline(recording);
    expect(changes).toHaveLength(recording.settings.length);
    const [first] = changes;
    expect(first?.atStep).toBe(0);
    expect(first?.placement.layers.map(({ firstCopy }) => firstCopy.length)).toEqual(
      Array(run.header.moeLayers).fill(run.header.experts + 1),
    );
    const copies = first?.placement.layers.flatMap(({ firstCopy, deviceOf }) => [...firstCopy.slice(1), ...deviceOf]);
    expect(copies?.length).toBe(
      run.header.moeLayers * run.header.experts + (recording.settings[0]?.placement.deviceOf.length ?? 0),
    );
  });
});
