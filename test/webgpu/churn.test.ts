import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { WebGpuExperts } from '../../engine/device/webgpu/experts.ts';
import { WebGpuMemory } from '../../engine/device/webgpu/memory.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { moeLayers } from '../../engine/families/spec.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';
import { churnExperts } from '../bench/card_churn.ts';
import { writeSyntheticOlmoe } from '../bench/synthetic_olmoe.ts';

// 0.4 MB each: a buffer that is not given back would show three times over. `npm run bench -- --device webgpu:0 --only churn` takes 10,000.
const SHAPE = { hidden: 256, width: 128, layers: 1, experts: 4, topK: 2 };
const LOADS = 400;

it('loads and evictions leave no memory behind', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-churn-'));
  writeSyntheticOlmoe(folder, SHAPE, 'models/demo-lm');
  const checkpoint = openCheckpoint(folder);
  const spec = readModelSpec(folder, checkpoint);
  const memory = new WebGpuMemory({ ms: 0 });
  const ledger = new MemoryLedger('webgpu:0', 1 << 30);
  const staging = new WeightStaging(checkpoint);
  const experts = new WebGpuExperts(moeLayers(spec), spec.hiddenSize, staging, ledger, memory, 'fp32');
  const { beforeBytes, afterBytes } = await churnExperts(experts, memory, 0, SHAPE.experts, LOADS);
  expect(ledger.total).toBe(0);
  expect(afterBytes / beforeBytes).toBeLessThan(1.05);
});
