import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { BadArguments } from '../../engine/entry/commands/command.ts';
import { experts } from '../../engine/entry/commands/experts.ts';
import { replay } from '../../engine/entry/commands/replay.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { readTraceFile } from '../../engine/report/trace_file.ts';

const OLMOE = 'models/traces/olmoe-299.jsonl.gz';
const folder = mkdtempSync(path.join(tmpdir(), 'moe-trace-'));

function written(name: string, bytes: Buffer | string): string {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

async function printed(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  await replay.run(args);
  return write.mock.calls.map(([text]) => String(text)).join('');
}

afterEach(() => vi.restoreAllMocks());

describe('moe replay --trace', () => {
  it('replays a trace under every policy and size', async () => {
    const text = await printed('--trace', OLMOE, '--slots', '8,32,64');
    expect(text).toContain('trace has no recorded settings');
    expect(text).not.toContain('as recorded');
    const rows = text.split('\n').filter((line) => line.includes('%'));
    // With MIN, which is no policy to run.
    expect(rows.length).toBe(EvictionName.options.length + 1);
    for (const row of rows) {
      const [small, middle, all] = [...row.matchAll(/([\d.]+)%/g)].map((match) => Number(match[1]));
      expect(small).toBeGreaterThan(middle ?? 100);
      // With a slot for every expert only first uses miss.
      expect(all).toBeLessThan(3);
    }
  });

  it('replays slots that the layers of a device share, and says so', async () => {
    const args = ['--trace', OLMOE, '--slots', '12,48', '--evict', 'lru', '--json'];
    const [apart, shared] = [
      JSON.parse(await printed(...args).finally(() => vi.restoreAllMocks())),
      JSON.parse(await printed(...args, '--scope', 'device').finally(() => vi.restoreAllMocks())),
    ];
    expect([apart.scope, shared.scope]).toEqual(['layer', 'device']);
    const missed = ({ rows: [{ misses }] }: { rows: [{ misses: number[] }] }) => misses;
    expect(missed(shared)[0]).toBeGreaterThan(missed(apart)[0] as number);
    expect(missed(shared)[1]).toBeLessThan(missed(apart)[1] as number);
    expect(shared.byLayer).toEqual(apart.byLayer);
    expect(await printed(...args.slice(0, -1), '--scope', 'device')).toContain('shared by the layers');
    await expect(replay.run([...args.slice(0, 4), '--evict', 'lru-served', '--scope', 'device'])).rejects.toThrow(
      'set scope to layer',
    );
    await expect(replay.run([...args, '--scope', 'model'])).rejects.toThrow(BadArguments);
  });

  it('prints the same as JSON, from the packed file and the plain one', async () => {
    const args = ['--evict', 'lru', '--slots', '12,48', '--json'];
    const packed = JSON.parse(await printed('--trace', OLMOE, ...args));
    vi.restoreAllMocks();
    const plain = written('plain.jsonl', gunzipSync(readFileSync(OLMOE)));
    const unpacked = JSON.parse(await printed('--trace', plain, ...args));
    expect(unpacked.subject.name).toBe('plain.jsonl');
    expect({ ...unpacked, subject: packed.subject }).toEqual(packed);
    expect(packed).toMatchObject({ trace: 'allenai/OLMoE-1B-7B-0924', slots: [12, 48], how: 'replayed' });
    expect(packed.audit).toBeUndefined();
    const [{ eviction, missRate }] = packed.table;
    expect([eviction, missRate.length]).toEqual(['lru', 2]);
    expect(missRate[0]).toBeGreaterThan(missRate[1]);
  });

  it('takes either a run or a trace', async () => {
    await expect(replay.run([])).rejects.toThrow(BadArguments);
    await expect(replay.run(['--run', 'a', '--trace', 'b'])).rejects.toThrow(BadArguments);
  });
});

describe('trace file', () => {
  it.each([
    ['that is not there', () => path.join(folder, 'none.jsonl'), 'there is no such file'],
    ['that is a folder', () => folder, 'cannot be read'],
    [
      'that is cut off',
      () => written('cut.gz', readFileSync(OLMOE).subarray(0, 9000)),
      'the gzip data is cut off or damaged',
    ],
    ['that is empty', () => written('empty.jsonl', ''), 'the file is empty'],
    ['that is no trace', () => written('model.bin', Buffer.from([8, 0, 0, 0, 10, 1])), 'line 1 is not JSON'],
  ])('is refused %s', (_, file, sentence) => {
    const name = file();
    expect(() => readTraceFile(name)).toThrow(EngineRefusal);
    expect(() => readTraceFile(name)).toThrow(`${name}: `);
    expect(() => readTraceFile(name)).toThrow(sentence);
  });

  it('is refused above the bound, packed or unpacked', () => {
    const bomb = written('bomb.gz', gzipSync(Buffer.alloc(1 << 20, 32)));
    expect(() => readTraceFile(bomb, 1 << 19)).toThrow('unpacked, it has more than the 524288 bytes');
    expect(() => readTraceFile(OLMOE, 1000)).toThrow('are more than the 1000 that can be opened at once');
  });
});

describe('moe replay: MIN, what is scored, batches', () => {
  it('prints the cache table, its rows again for scripts of older versions', async () => {
    const text = await printed('--trace', OLMOE, '--slots', '16,32', '--scored', 'decode-second-half', '--json');
    const table = JSON.parse(text);
    expect(table.scored).toEqual({ rule: 'decode-second-half', steps: 150, accesses: 19200 });
    expect(table.rows.map(({ policy }: { policy: string }) => policy)).toEqual([...EvictionName.options, 'min']);
    expect(table.table).toEqual(
      table.rows.map(({ policy, missRate }: { policy: string; missRate: number[] }) => ({
        eviction: policy,
        missRate,
      })),
    );
    expect(table.rows.at(-1).missRate.map((rate: number) => (100 - 100 * rate).toFixed(1))).toEqual(['76.1', '92.4']);
  });

  it('joins tokens into steps where asked, and leaves a rest out that does not fill one', async () => {
    const table = JSON.parse(
      await printed('--trace', OLMOE, '--evict', 'min', '--slots', '32', '--batch', '8', '--json'),
    );
    expect(table.subject).toMatchObject({ steps: 37, tokens: 296 });
    expect(table.workingSet).toBeGreaterThan(20);
  });

  it('knows the LRU of cache studies by name only', async () => {
    const table = JSON.parse(await printed('--trace', OLMOE, '--evict', 'lru-served', '--slots', '16', '--json'));
    expect(table.rows.map(({ policy }: { policy: string }) => policy)).toEqual(['lru-served']);
    await expect(replay.run(['--trace', OLMOE, '--evict', 'belady'])).rejects.toThrow('min, lru-served or all');
  });
});

describe('moe experts', () => {
  const run = async (...args: string[]) => {
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    await experts.run(['--trace', OLMOE, ...args]);
    return write.mock.calls.map(([text]) => String(text)).join('');
  };

  it('prints a line a layer, a line a step, and an expert by its events', async () => {
    const map = await run();
    expect(map).toContain('assumed: a trace has none');
    expect(map.split('\n').filter((line) => /^\d+ decoder/.test(line)).length).toBe(16);
    vi.restoreAllMocks();
    const life = JSON.parse(await run('--layer', '2', '--expert', '5', '--json'));
    expect([life.layer, life.expert.id, life.share.length]).toEqual([2, 5, 299]);
    vi.restoreAllMocks();
    const text = await run('--layer', '2', '--expert', '5');
    expect(text).toContain(`active in ${life.expert.activeSteps} of 299 steps, loaded ${life.expert.loads} times`);
  });

  it('needs a layer for an expert', async () => {
    await expect(experts.run(['--trace', OLMOE, '--expert', '1'])).rejects.toThrow(BadArguments);
  });
});
