import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import type { RunRecord } from '../../engine/protocol/run_file.ts';
import { headLine, recordLine } from '../../engine/protocol/run_lines.ts';
import { EXPORTER, RunWriter } from '../../engine/report/run_writer.ts';
import { exampleHeader } from './run_examples.ts';
import { scratchRuns } from './scratch_runs.ts';

const { newFile } = scratchRuns();

describe('run writer', () => {
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
});
