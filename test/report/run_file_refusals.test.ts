import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { toBase64 } from '../../engine/protocol/base64.ts';
import type { RunRecord } from '../../engine/protocol/run_file.ts';
import { RUN_VERSION } from '../../engine/protocol/run_file.ts';
import { headLine, RUN_UPGRADERS, recordLine, tailLine } from '../../engine/protocol/run_lines.ts';
import { readRun, readRunOutline } from '../../engine/report/run_reader.ts';
import { EXPORTER } from '../../engine/report/run_writer.ts';
import { anyRun, exampleHeader } from './run_examples.ts';
import { scratchRuns } from './scratch_runs.ts';

const { folder, newFile } = scratchRuns();

describe('what a run file is read as', () => {
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
});
