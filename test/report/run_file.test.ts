import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { toBase64 } from '../../engine/protocol/base64.ts';
import type { RunRecord } from '../../engine/protocol/run_file.ts';
import { RUN_VERSION } from '../../engine/protocol/run_file.ts';
import { headLine, RUN_UPGRADERS, recordLine, tailLine } from '../../engine/protocol/run_lines.ts';
import { RunParser } from '../../engine/protocol/run_parser.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { readRun, readRunOutline } from '../../engine/report/run_reader.ts';
import { EXPORTER, RunWriter } from '../../engine/report/run_writer.ts';
import { anyRun, type ExampleRun, exampleHeader } from './run_examples.ts';

let folder: string;
let files = 0;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'run-file-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const newFile = () => path.join(folder, `run-${files++}.json`);

async function write(run: ExampleRun): Promise<string> {
  const file = newFile();
  const writer = RunWriter.create(file, run.header);
  for (const record of run.records) writer.append(record);
  await writer.finish(run.summary);
  return file;
}

/**
 * The records that a recording says it holds, made anew from its arrays, in the order of `anyRun`: the settings at the start,
 * then for each step its sequence, its change of settings, and itself.
 */
function toRecords({ settings, sequences, steps, endReason }: RunRecording): RunRecord[] {
  const changes = settings.map(({ placement, eviction, copyAfterRows, lost, ...rest }, index): RunRecord => {
    const { devices, split, copies, deviceOf } = placement;
    const moved = deviceOf !== settings[index - 1]?.placement.deviceOf;
    const counts = split === 'levelled' && { copies: toBase64(copies) };
    return {
      t: 'settings',
      ...rest,
      ...(rest.settings.eviction === 'auto' && { eviction }),
      ...(copyAfterRows.some((rows) => rows > 0) && { copyAfterRows }),
      ...(lost.length > 0 && { lost }),
      ...(moved && { placement: { devices, split, deviceOf: toBase64(deviceOf), ...counts } }),
    };
  });
  const records = changes.slice(0, 1);
  for (const step of steps) {
    for (const { fromStep, tokens, ...sequence } of sequences) {
      if (fromStep === step.step) records.push({ t: 'sequence', ...sequence, tokens: toBase64(tokens) });
    }
    records.push(...changes.slice(1).filter((change) => change.t === 'settings' && change.atStep === step.step));
    const { step: n, endMs, durationMs, stallMs, hiddenMs, computeMs, hostBytes } = step;
    records.push({
      t: 'step',
      n,
      endMs,
      durationMs,
      stallMs,
      ...(hiddenMs > 0 && { hiddenMs }),
      ...(computeMs > 0 && { computeMs, hostBytes }),
      tokens: {
        count: step.tokens,
        request: toBase64(step.request),
        position: toBase64(step.position),
        phase: toBase64(step.phase),
      },
      ids: toBase64(step.ids),
      weights: toBase64(step.weights),
      cache: toBase64(step.cache),
      ledger: toBase64(step.ledgerBytes),
      peak: toBase64(step.peakBytes),
      share: toBase64(step.share),
      phaseMs: toBase64(step.phaseMs),
      dropped: step.droppedPairs,
      padding: step.paddingRows,
      emitted: [...step.emitted],
    });
  }
  if (endReason !== undefined) records.push({ t: 'end', reason: endReason });
  return records;
}

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

  it('refuses ids and columns that do not fit the header', async () => {
    const shape = { moeLayers: 1, experts: 4, topK: 1, devices: 1 };
    const header = exampleHeader(shape);
    const start: RunRecord = {
      t: 'settings',
      atStep: 0,
      atMs: 0,
      label: 'start',
      settings: header.settings,
      slotsPerLayer: 4,
      placement: { devices: 1, split: 'equal', deviceOf: toBase64(new Uint8Array(4)) },
    };
    const step = (ids: number[], rows = 1): RunRecord => ({
      t: 'step',
      n: 0,
      endMs: 1,
      durationMs: 1,
      stallMs: 0,
      tokens: {
        count: rows,
        request: toBase64(new Int32Array(rows)),
        position: toBase64(new Int32Array(rows)),
        phase: toBase64(new Uint8Array(rows)),
      },
      ids: toBase64(Uint16Array.from(ids)),
      weights: toBase64(new Float32Array(ids.length)),
      cache: toBase64(new Uint32Array(4)),
      ledger: toBase64(new Float64Array(7)),
      peak: toBase64(new Float64Array(1)),
      share: toBase64(new Float32Array(1)),
      phaseMs: toBase64(new Float32Array(9)),
      dropped: 0,
      padding: 0,
      emitted: [],
    });
    const steps = async (records: RunRecord[]) => {
      const file = newFile();
      fs.writeFileSync(
        file,
        headLine(EXPORTER, header) + records.map((record, index) => recordLine(record, index === 0)).join(''),
      );
      return (await readRun(file)).steps.length;
    };
    expect(await steps([start, step([3])])).toBe(1);
    expect(await steps([start, step([4])])).toBe(0);
    expect(await steps([start, step([1, 2])])).toBe(0);
    expect(await steps([step([3])])).toBe(0);
    expect(
      await steps([
        { ...start, placement: { devices: 1, split: 'equal', deviceOf: toBase64(Uint8Array.of(0, 0, 0, 1)) } },
        step([3]),
      ]),
    ).toBe(0);
    expect(
      await steps([{ ...start, placement: { devices: 1, split: 'equal', deviceOf: 'not base64' } }, step([3])]),
    ).toBe(0);
    const copies = (...counts: number[]) => ({
      ...start,
      placement: {
        devices: 1,
        split: 'equal' as const,
        deviceOf: toBase64(new Uint8Array(5)),
        copies: toBase64(Uint8Array.from(counts)),
      },
    });
    expect(await steps([copies(1, 2, 1, 1), step([3])])).toBe(1);
    expect(await steps([copies(1, 2, 2, 0), step([3])])).toBe(0);
    expect(await steps([copies(1, 2, 1, 2), step([3])])).toBe(0);
  });

  it('never overwrites a file', async () => {
    const file = newFile();
    fs.writeFileSync(file, 'mine');
    expect(() => RunWriter.create(file, exampleHeader({ moeLayers: 1, experts: 2, topK: 1, devices: 1 }))).toThrow(
      EngineRefusal,
    );
    expect(fs.readFileSync(file, 'utf8')).toBe('mine');
  });

  it('has every record in the file as soon as append returns', () => {
    const header = exampleHeader({ moeLayers: 1, experts: 2, topK: 1, devices: 1 });
    const file = newFile();
    const writer = RunWriter.create(file, header);
    const record: RunRecord = { t: 'end', reason: 'é\n"' };
    writer.append(record);
    expect(fs.readFileSync(file, 'utf8')).toBe(headLine(EXPORTER, header) + recordLine(record, true));
    return writer.close();
  });

  it('names the exporter after package.json', () => {
    const { name, version } = JSON.parse(fs.readFileSync(path.join(__dirname, '../../package.json'), 'utf8'));
    expect(EXPORTER).toBe(`${name} ${version}`);
  });

  it('refuses what is not a run file, and a newer one, in one sentence', async () => {
    const header = exampleHeader({ moeLayers: 1, experts: 2, topK: 1, devices: 1 });
    const line = headLine('moe-studio 9.0.0', header);
    const cases: [string, RegExp][] = [
      ['', /not a run file/],
      ['{"hello":1}', /not a run file/],
      [
        line.replace(`"version":${RUN_VERSION}`, `"version":${RUN_VERSION + 1}`),
        new RegExp(`moe-studio 9\\.0\\.0 wrote version ${RUN_VERSION + 1} .* update it`),
      ],
      [line.replace(`"version":${RUN_VERSION}`, '"version":0'), /version 0 .* not known/],
      [line.replace('"experts":2', '"experts":-2'), /header\..*experts/],
      [line.slice(0, 60), /cut off before its first step/],
    ];
    for (const [content, message] of cases) {
      const file = newFile();
      fs.writeFileSync(file, content);
      await expect(readRun(file)).rejects.toThrow(message);
      await expect(readRun(file)).rejects.toThrow(EngineRefusal);
      expect(() => readRunOutline(file)).toThrow(EngineRefusal);
    }
    await expect(readRun(path.join(folder, 'none.json'))).rejects.toThrow(EngineRefusal);
    expect(() => readRunOutline(path.join(folder, 'none.json'))).toThrow(EngineRefusal);
    await expect(readRun(folder)).rejects.toThrow(EngineRefusal);
  });

  it('opens an older version through its upgraders', async () => {
    // A made-up version 0 that called the model's experts `expertCount` and an end's reason `why`.
    const header = exampleHeader({ moeLayers: 1, experts: 2, topK: 1, devices: 1 });
    const { experts, ...rest } = header;
    const line = headLine('moe-studio 0.0.1', { ...rest, expertCount: experts } as never).replace(
      `"version":${RUN_VERSION}`,
      '"version":0',
    );
    const file = newFile();
    const summary = { totals: fc.sample(anyRun, { numRuns: 1, seed: 1 })[0]?.summary.totals as never };
    fs.writeFileSync(file, `${line}{"t":"end","why":"stopped"}\n${tailLine(summary)}`);
    type Raw = Record<string, unknown>;
    const upgraders = new Map([
      ...RUN_UPGRADERS,
      [
        0,
        {
          header: (raw: unknown) => ({ ...(raw as Raw), experts: (raw as Raw).expertCount }),
          record: (raw: unknown) => ({ ...(raw as Raw), reason: (raw as Raw).why }),
          summary: (raw: unknown) => raw,
        },
      ],
    ]);
    expect(await readRun(file, upgraders)).toMatchObject({ header, endReason: 'stopped', complete: true, summary });
  });

  it('opens a file of version 1, which knew one copy of each expert', async () => {
    const header = exampleHeader({ moeLayers: 1, experts: 2, topK: 1, devices: 2 });
    const line = headLine('moe-studio 0.9.0', header).replace(`"version":${RUN_VERSION}`, '"version":1');
    const start = { t: 'settings', atStep: 0, atMs: 0, label: 'start', settings: header.settings, slotsPerLayer: 1 };
    const placement = { devices: 2, deviceOf: toBase64(Uint8Array.of(1, 0)) };
    const file = newFile();
    fs.writeFileSync(file, `${line}${JSON.stringify({ ...start, placement })}\n`);
    expect((await readRun(file)).settings[0]?.placement).toEqual({
      devices: 2,
      split: 'equal',
      copies: Uint8Array.of(1, 1),
      deviceOf: Uint8Array.of(1, 0),
    });
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
