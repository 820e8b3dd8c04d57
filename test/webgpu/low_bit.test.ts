import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LowBitPrecision } from '../../engine/checkpoint/block_quantise.ts';
import { WebGpuExperts } from '../../engine/device/webgpu/experts.ts';
import { WebGpuMemory } from '../../engine/device/webgpu/memory.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import type { MoeLayer } from '../../engine/families/spec.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';
import { anyShape, type ExpertShape, madeUpExpert, plainExpert } from '../engine/low_bit_expert.ts';

const memory = new WebGpuMemory({ ms: 0 });

/** An expert through the card's shared graph: its rows in reverse order, put one place further down. */
async function throughCard(precision: LowBitPrecision, shape: ExpertShape): Promise<number[]> {
  const { hidden, width, rows } = shape;
  const { spec, source, input } = madeUpExpert(shape);
  const feedForward = { kind: 'moe', experts: 1, width, expert: () => spec } as unknown as MoeLayer['feedForward'];
  const layers: MoeLayer[] = [{ index: 0, stack: 'decoder', block: 0, feedForward }];
  const ledger = new MemoryLedger('webgpu:0', 1 << 30);
  const experts = new WebGpuExperts(layers, hidden, new WeightStaging(source), ledger, memory, precision);
  await experts.load(0, 0);
  const x = await memory.upload('float32', input, [rows, hidden]);
  const out = await memory.zeros([rows + 1, hidden]);
  const from = Int32Array.from({ length: rows }, (_, row) => rows - 1 - row);
  await experts.run(
    0,
    0,
    x,
    from,
    out,
    from.map((row) => row + 1),
  );
  const got = await memory.download(out);
  await experts.evict(0, 0);
  expect(ledger.total).toBe(0);
  await experts.close();
  x.dispose();
  out.dispose();
  expect(Array.from(got.subarray(0, hidden))).toEqual(Array(hidden).fill(0));
  return Array.from(got.subarray(hidden));
}

it.each(['int8', 'int4'] as const)('%s experts: what plain loops over the rounded weights give', async (precision) => {
  await fc.assert(
    fc.asyncProperty(anyShape(), async (shape) => {
      const got = await throughCard(precision, shape);
      const { wanted } = plainExpert(precision, shape, 'exact');
      const largest = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] as number))), 0);
      expect(largest).toBeLessThan(2e-5);
    }),
    { numRuns: Number(process.env.LAW_RUNS ?? 2) },
  );
});
