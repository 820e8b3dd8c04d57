import { expect, it } from 'vitest';
import type { Device } from '../../engine/device/device.ts';
import { KvCache } from '../../engine/rank/kv_cache.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';
import type { RowPlan } from '../../engine/rank/messages.ts';
import { SourceCache } from '../../engine/rank/source_cache.ts';
import { encoderGroups } from '../../engine/rank/token_groups.ts';
import { tinyPairModel } from './tiny_run.ts';

const LENGTHS = [200, 10, 12];

it('masks the rows in flight by their own sources, also after a longer one between them is done', async () => {
  const { spec } = tinyPairModel('switch');
  const [layer] = spec.stacks[1]?.layers ?? [];
  const { kvHeads = 0, headDim = 0 } = layer?.crossAttention?.attention ?? {};
  const keys = (tokens: number) => new Float32Array(kvHeads * tokens * headDim).fill(1);
  const dense = {
    runCrossKeys: async (_: Float32Array, __: number, tokens: number) =>
      (spec.stacks[1]?.layers ?? []).map(() => ({ key: keys(tokens), value: keys(tokens) })),
  } as unknown as Device['dense'];
  const ledger = new MemoryLedger('cpu:0', 1e9);
  const openKeys: Device['openKeys'] = (layers, inputs) => new KvCache(layers, inputs, ledger);
  const cache = new SourceCache(spec, { dense, openKeys });
  const rows = LENGTHS.map((length, row): RowPlan => {
    const source = new Int32Array(length);
    return { row, sequence: row, position: 0, tokens: Int32Array.of(0), emit: true, source };
  });
  await cache.fit(rows);
  const sources = rows.map((row) => ({ ...row, tokens: row.source as Int32Array }));
  for (const group of encoderGroups(sources)) await cache.store(group, new Float32Array(0));
  const later = rows.slice(1).map(({ row, sequence, tokens }) => ({ row, sequence, position: 1, tokens, emit: true }));
  await cache.fit(later);
  const group = { firstRow: 0, batch: 3, length: 1, members: later, places: [1, 2], cached: true };
  const { cross_bias: mask } = cache.mask(group);
  const { cross_key: key } = await cache.keys(0, group);
  if (mask === undefined || key === undefined) throw new Error('the model has cross-attention');
  const capacity = mask.dims[3] ?? 0;
  expect(capacity).toBeLessThan(200);
  const seen = Array.from({ length: 3 }, (_, row) =>
    Array.from((mask.data as Float32Array).subarray(row * capacity, (row + 1) * capacity)).filter((b) => b === 0),
  );
  expect(seen.map((keysSeen) => keysSeen.length)).toEqual([0, 10, 12]);
  // Both rows still have their keys after the cache was laid out anew.
  const kept = Array.from(key.data as Float32Array).reduce((sum, value) => sum + value, 0);
  expect(kept).toBe((64 + 10 + 12) * kvHeads * headDim);
});
