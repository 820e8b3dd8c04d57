import { describe, expect, it } from 'vitest';
import { eplb } from '../../engine/balancing/eplb.ts';

const WEIGHT = [
  [90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86],
  [20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27],
];
const README = { replicas: 16, groups: 4, nodes: 2, devices: 8 };

function deviceLoads({ phy2log, logcnt }: ReturnType<typeof eplb>, layer: number, devices: number): number[] {
  const load = new Array<number>(devices).fill(0);
  const row = [...(phy2log[layer] ?? [])];
  for (const [slot, expert] of row.entries()) {
    const device = Math.floor((slot * devices) / row.length);
    load[device] = (load[device] ?? 0) + (WEIGHT[layer]?.[expert] ?? Number.NaN) / (logcnt[layer]?.[expert] ?? 0);
  }
  return load;
}

describe('EPLB', () => {
  it('gives the plan of its README, hierarchical', () => {
    const plan = eplb(WEIGHT, README);
    expect(plan.phy2log.map((row) => [...row])).toEqual([
      [5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1],
      [7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1],
    ]);
    expect(plan.logcnt.map((row) => [...row])).toEqual([
      [1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 2, 1],
      [1, 2, 1, 1, 1, 2, 2, 1, 2, 1, 1, 1],
    ]);
    expect(deviceLoads(plan, 0, 8)).toEqual([121.5, 86.5, 125, 113, 147.5, 131.5, 156, 152]);
    expect(deviceLoads(plan, 1, 8)).toEqual([173, 179.5, 120.5, 172, 123, 152, 118.5, 117.5]);
  });

  it('is global where the nodes do not divide the groups', () => {
    const plan = eplb(WEIGHT, { ...README, groups: 1 });
    expect(plan.phy2log.map((row) => [...row])).toEqual([
      [10, 6, 10, 7, 0, 2, 11, 4, 5, 9, 5, 4, 8, 3, 1, 1],
      [1, 10, 2, 4, 5, 11, 5, 0, 6, 7, 6, 3, 8, 8, 9, 7],
    ]);
    expect(deviceLoads(plan, 0, 8)).toEqual([130.5, 95.5, 130, 138, 138.5, 134.5, 134, 132]);
    expect(deviceLoads(plan, 1, 8)).toEqual([123, 123, 125.5, 118.5, 172, 157.5, 172, 164.5]);
  });

  it('names in log2phy each slot of an expert once, and nothing beyond its copies', () => {
    const { phy2log, log2phy, logcnt, mostCopies } = eplb(WEIGHT, README);
    for (const [layer, table] of log2phy.entries()) {
      expect([...table].filter((slot) => slot !== -1).sort((a, b) => a - b)).toEqual([...Array(16).keys()]);
      for (const [at, slot] of table.entries()) {
        const expert = Math.floor(at / mostCopies);
        const exists = at % mostCopies < (logcnt[layer]?.[expert] ?? 0);
        expect(exists ? phy2log[layer]?.[slot] : slot).toBe(exists ? expert : -1);
      }
    }
  });

  it('refuses shapes that do not divide', () => {
    expect(() => eplb(WEIGHT, { ...README, replicas: 15 })).toThrow('15 replicas do not divide by 8 devices');
    expect(() => eplb(WEIGHT, { ...README, groups: 5 })).toThrow('12 experts do not divide by 5 groups');
    expect(() => eplb(WEIGHT, { ...README, replicas: 8 })).toThrow('8 replicas are fewer than 12 experts');
  });
});
