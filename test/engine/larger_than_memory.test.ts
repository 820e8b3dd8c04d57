import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { fitModel } from '../../engine/coordinator/fit.ts';
import { inspectModel, openModel } from '../../engine/coordinator/open_model.ts';
import { chooseDevices } from '../../engine/device/discovery.ts';
import { writeSparseQwen3 } from '../bench/sparse_qwen3.ts';
import { scratchFolder } from '../checkpoint/write_files.ts';
import { runTiny, TINY } from './tiny_run.ts';

/** `npm run bench -- --larger` does the same with 61 GB. */
const SHAPE = {
  ...{ hidden: 1024, width: 1024, layers: 4, experts: 256, topK: 2 },
  ...{ heads: 8, kvHeads: 2, headDim: 64, vocab: 4096, shards: 1 },
};

const residentBytes = () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;

it.runIf(process.platform === 'linux')(
  'a model larger than its budget is read by ranges, beyond 4 GiB too',
  async () => {
    const folder = scratchFolder();
    const claimed = writeSparseQwen3(folder, SHAPE, 'models/demo-lm');
    expect(claimed).toBeGreaterThan(6e9);
    expect(statSync(path.join(folder, 'model-00001-of-00001.safetensors')).size).toBeGreaterThan(2 ** 32);
    const devices = [{ id: 'cpu:0', budgetBytes: 300e6 }];
    const settings = {
      ...TINY,
      devices,
      cacheSlots: 2,
      batch: 1,
      promptCount: 1,
      promptTokens: 4,
      newTokens: 1,
    } as const;
    const fit = fitModel(inspectModel(folder), await chooseDevices(devices), { ...settings, devices: 1 }, undefined);
    expect(fit.stored.experts + fit.stored.dense).toBe(claimed);
    expect(fit.options[0]?.slotsThatFit).toBeGreaterThanOrEqual(2);
    expect(fit.options[0]?.slotsThatFit).toBeLessThan(10);
    const before = residentBytes();
    const { recording } = await runTiny(settings, [], openModel(folder));
    expect(recording.steps.length).toBeGreaterThan(0);
    // The process, heap and pages of the files included, not only what the ledger counts.
    expect(residentBytes() - before).toBeLessThan(600e6);
  },
  120_000,
);
