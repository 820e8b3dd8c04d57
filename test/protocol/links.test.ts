import { describe, expect, it } from 'vitest';
import { costOver, LinkName, loadMsOver, pcieGeneration, pcieLink } from '../../engine/protocol/links.ts';

describe('links', () => {
  it('have the peaks of their standards', () => {
    expect(pcieLink(3, 16)?.peakBytesPerSecond).toBeCloseTo(15.754e9, -7);
    expect(pcieLink(1, 4)?.peakBytesPerSecond).toBe(1e9);
    expect(pcieLink(9, 16)).toBeUndefined();
    expect(pcieLink(4, Number.NaN)).toBeUndefined();
    expect(pcieGeneration(16)).toBe(4);
  });

  it("cost what the paper's machine pays: 32 MiB in fp16 at 12 GB/s", () => {
    const bytes = 2 * 2 * 2048 * 4096;
    expect(loadMsOver('pcie3', bytes)).toBeCloseTo((1000 * bytes) / 11.815e9, 2);
    expect(loadMsOver('unified', bytes)).toBe(0);
    const times = LinkName.options.map((link) => loadMsOver(link, bytes));
    expect(times).toEqual([...times].sort((a, b) => b - a));
  });

  it('change nothing of a cost but the loads', () => {
    const cost = { fixedBytes: 1, bytesPerSlot: 8 * 4e6, baseStepMs: 5, loadMs: 9, newTokensPerStep: 2 };
    expect(costOver(cost, 'pcie4', 8)).toEqual({ ...cost, loadMs: loadMsOver('pcie4', 4e6) });
    expect(costOver(undefined, 'pcie4', 8)).toBeUndefined();
  });
});
