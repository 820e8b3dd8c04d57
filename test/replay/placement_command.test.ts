import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BadArguments } from '../../engine/entry/commands/command.ts';
import { placement } from '../../engine/entry/commands/placement.ts';
import { PlacementName } from '../../engine/protocol/settings.ts';

const GPT_OSS = 'models/traces/gpt-oss-120b-64.jsonl.gz';
const folder = mkdtempSync(path.join(tmpdir(), 'moe-placement-'));

async function printed(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  await placement.run(args);
  return write.mock.calls.map(([text]) => String(text)).join('');
}

afterEach(() => vi.restoreAllMocks());

describe('moe placement', () => {
  it('prints every method, and the same as JSON', async () => {
    const text = await printed('--trace', GPT_OSS, '--devices', '4', '--batch-tokens', '4');
    expect(text).toContain('8 batches of 4 tokens to place by, 8 to score on, 4 devices (replayed)');
    expect(text).toContain('note: The history has 8 batches');
    vi.restoreAllMocks();
    const table = JSON.parse(await printed('--trace', GPT_OSS, '--devices', '4', '--batch-tokens', '4', '--json'));
    expect(table.rows.map(({ method }: { method: string }) => method)).toEqual(PlacementName.options);
    for (const { title, avgMaxLoad } of table.rows) {
      const line = text.split('\n').find((candidate) => candidate.startsWith(title));
      expect(line).toContain((4 * avgMaxLoad).toFixed(3));
    }
    expect(table.subject).toMatchObject({ source: 'trace', name: 'gpt-oss-120b-64.jsonl.gz', experts: 128 });
  });

  it('writes a placement that covers the model', async () => {
    const out = path.join(folder, 'map.json');
    await printed('--trace', GPT_OSS, '--devices', '8', '--method', 'levelled', '--export', 'sglang', '--out', out);
    const { physical_to_logical_map: map } = JSON.parse(readFileSync(out, 'utf8'));
    expect(map.length).toBe(36);
    for (const row of map) {
      expect(row.length % 8).toBe(0);
      expect(row.length).toBeLessThanOrEqual(144);
      expect(new Set(row).size).toBe(128);
    }
  });

  it('refuses what does not fit, with the remedy', async () => {
    const run = (...args: string[]) => placement.run(['--trace', GPT_OSS, ...args]);
    await expect(placement.run([])).rejects.toThrow(BadArguments);
    await expect(run('--run', 'x.json')).rejects.toThrow(BadArguments);
    await expect(run('--devices', '1')).rejects.toThrow('--devices takes a whole number from 2 to 16');
    await expect(run('--nodes', '3')).rejects.toThrow('nodes: 4 devices do not divide over 3 nodes');
    await expect(run('--groups', '3')).rejects.toThrow('groups: 128 experts do not divide into 3 groups');
    await expect(run('--batch-tokens', '64')).rejects.toThrow(/batchTokens: .* 1 batches of 64 tokens, too few/);
    await expect(run('--export', 'sglang')).rejects.toThrow('--out is needed');
    await expect(placement.run(['--run', path.join(folder, 'none.json')])).rejects.toThrow('none.json');
  });
});
