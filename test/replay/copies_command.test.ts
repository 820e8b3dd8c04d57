import { afterEach, expect, it, vi } from 'vitest';
import { copies } from '../../engine/entry/commands/copies.ts';

const OLMOE = ['--trace', 'models/traces/olmoe-299.jsonl.gz', '--slots', '32', '--expert-mib', '24'];

async function printed(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  await copies.run([...OLMOE, ...args]);
  return write.mock.calls.map(([text]) => String(text)).join('');
}

afterEach(() => vi.restoreAllMocks());

it('answers from how many rows on to copy, by what a copy and a row cost', async () => {
  const cheap = JSON.parse(await printed('--link', 'pcie3', '--row-ms', '0.2', '--json'));
  // 24 MiB at 12 GB/s.
  expect(cheap.copy).toMatchObject({ ms: expect.closeTo(2.13, 2), from: 'projected over PCIe 3.0 x16' });
  expect(cheap.rows.map((row: { copyAfterRows: number }) => row.copyAfterRows)).toContain(10);
  expect(cheap.best).toBeGreaterThan(0);
  const stepMs = cheap.rows.map((row: { stepMs: number }) => row.stepMs);
  const best = cheap.rows.find((row: { copyAfterRows: number }) => row.copyAfterRows === cheap.best);
  expect(best.stepMs).toBe(Math.min(...stepMs));
  vi.restoreAllMocks();
  expect(await printed('--link', 'pcie3', '--row-ms', '30')).toContain('copy every missing expert at once (projected)');
});

it('refuses a trace without a link, whose copies nobody measured', async () => {
  await expect(copies.run(OLMOE)).rejects.toThrow('--link is needed with a trace');
});
