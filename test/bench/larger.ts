import { execFile } from 'node:child_process';
import { freemem } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Bench, CannotRun, type Figure } from './bench.ts';
import type { LargerModel } from './larger_child.ts';
import { QWEN3_30B, writeSparseQwen3 } from './sparse_qwen3.ts';

const GB = 1e9;
/** The dense part at int8 with the embedding as float32, a slot or two for experts, and what loading takes beside it. */
const BUDGET_BYTES = 6 * GB;

export const larger: Bench = {
  id: 'larger',
  title: 'A model larger than memory: Qwen3-30B-A3B in sparse files opens, plans and takes a step',
  figures: ['larger.open', 'larger.load', 'larger.step', 'larger.rss', 'larger.ledger'],
  async run(context): Promise<readonly Figure[]> {
    if (process.platform !== 'linux') throw new CannotRun('resident memory is read from /proc');
    if (freemem() < 1.5 * BUDGET_BYTES) throw new CannotRun('less than 9 GB of memory are free');
    const folder = path.join(context.tempDir, 'qwen3-30b');
    context.log('larger: writing 61 GB of nothing');
    const bytes = writeSparseQwen3(folder, QWEN3_30B, context.model);
    const data = { folder, rankEntry: context.rankEntry, tempDir: context.tempDir, budgetBytes: BUDGET_BYTES };
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[context.selfEntry, '--role', 'larger'],
      JSON.stringify(data),
    ]);
    const result = JSON.parse(stdout) as LargerModel;
    const figure = (id: string, value: number, unit: string, detail: string): Figure => ({
      ...{ id: `larger.${id}`, value, unit, detail },
      how: 'measured',
    });
    return [
      figure('open', result.openMs, 'ms', 'headers, config, tokenizer'),
      figure('load', result.loadMs / 1000, 's', 'the dense part, rounded to int8'),
      figure(
        'step',
        result.stepMs / 1000,
        's',
        `prompt and first token, ${result.loads} experts loaded into 2 slots a layer`,
      ),
      {
        ...figure(
          'rss',
          result.peakRssBytes / GB,
          'GB',
          `highest VmHWM of the process; the files claim ${(bytes / GB).toFixed(1)} GB`,
        ),
        versus: {
          goal: `at most the budget of ${BUDGET_BYTES / GB} GB and 1 GB`,
          met: result.peakRssBytes <= BUDGET_BYTES + GB,
        },
      },
      {
        ...figure('ledger', result.measuredBytes / GB, 'GB', 'highest of the ledger'),
        versus: { baseline: 'what was estimated before loading', ratio: result.measuredBytes / result.estimatedBytes },
      },
    ];
  },
};
