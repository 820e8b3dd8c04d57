import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { churnExperts } from '../bench/card_churn.ts';
import { openCardStore } from '../bench/card_store.ts';
import { writeSyntheticOlmoe } from '../bench/synthetic_olmoe.ts';

// 0.4 MB each: a buffer that is not given back would show three times over. `npm run bench -- --device webgpu:0 --only churn` takes 10,000.
const SHAPE = { hidden: 256, width: 128, layers: 1, experts: 4, topK: 2 };
const LOADS = 400;

it('loads and evictions leave no memory behind', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'moe-churn-'));
  writeSyntheticOlmoe(folder, SHAPE, 'models/demo-lm');
  const checkpoint = openCheckpoint(folder);
  const card = await openCardStore('webgpu:0', readModelSpec(folder, checkpoint), checkpoint, 1);
  // The driver's pools grow for some 1,600 loads, and level off.
  for (let warming = 0; warming < 2; warming++) await churnExperts(card, 0, SHAPE.experts, LOADS);
  const { beforeBytes, afterBytes } = await churnExperts(card, 0, SHAPE.experts, LOADS);
  expect(card.ledger.total).toBe(0);
  expect(afterBytes / beforeBytes).toBeLessThan(1.05);
});
