import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { antiCorrelation } from '../../engine/balancing/anti_correlation.ts';
import { covariance } from '../../engine/balancing/covariance.ts';
import { greedy } from '../../engine/balancing/greedy.ts';
import {
  contiguous,
  deviceCapacity,
  type LoadHistory,
  type Placement,
  place,
} from '../../engine/balancing/placement.ts';
import { scorePlacement } from '../../engine/balancing/score.ts';
import { devices, history } from './histories.ts';

const METHODS = {
  greedy,
  antiCorrelation,
  antiCorrelationByExperts: (past: LoadHistory, count: number) =>
    antiCorrelation(past, count, { coefficient: 0.5, scale: 'by-experts' }),
  covariance: (past: LoadHistory, count: number) => covariance(past, count, { gamma: 2, tries: 300, seed: 7 }),
};

function expectPartition(placement: Placement, layers: number, experts: number, count: number): void {
  expect(placement.devices).toBe(count);
  expect(placement.deviceOf.length).toBe(layers);
  for (const row of placement.deviceOf) {
    expect(row.length).toBe(experts);
    const held = new Array<number>(count).fill(0);
    for (const device of row) held[device] = (held[device] ?? Number.NaN) + 1;
    expect(held).toEqual(Array.from({ length: count }, (_, device) => deviceCapacity(experts, count, device)));
  }
}

describe('placement', () => {
  it('gives devices E/D experts, the first E mod D one more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 40 }), (experts, count) => {
        const held = Array.from({ length: count }, (_, device) => deviceCapacity(experts, count, device));
        expect(held.reduce((sum, capacity) => sum + capacity, 0)).toBe(experts);
        expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(1);
        expect(held).toEqual([...held].sort((a, b) => b - a));
      }),
    );
  });

  it('is a partition with those numbers by every method, for any E and D', () => {
    fc.assert(
      fc.property(history, devices, (past, count) => {
        expectPartition(contiguous(past.layers, past.experts, count), past.layers, past.experts, count);
        for (const method of Object.values(METHODS))
          expectPartition(method(past, count), past.layers, past.experts, count);
      }),
    );
  });

  it('is in blocks by id when contiguous', () => {
    expect(contiguous(2, 7, 3).deviceOf.map((row) => [...row])).toEqual([
      [0, 0, 0, 1, 1, 2, 2],
      [0, 0, 0, 1, 1, 2, 2],
    ]);
    fc.assert(
      fc.property(history, devices, ({ layers, experts }, count) => {
        for (const row of contiguous(layers, experts, count).deviceOf)
          expect([...row]).toEqual([...row].sort((a, b) => a - b));
      }),
    );
  });

  it('is contiguous without a history, and greedy with one where greedy is asked for', () => {
    const past: LoadHistory = { layers: 1, experts: 4, batches: 1, counts: Uint32Array.of(9, 7, 2, 1) };
    expect(place('greedy', undefined, 1, 4, 2)).toEqual(contiguous(1, 4, 2));
    expect(place('greedy', { ...past, batches: 0, counts: new Uint32Array(0) }, 1, 4, 2)).toEqual(contiguous(1, 4, 2));
    expect(place('contiguous', past, 1, 4, 2)).toEqual(contiguous(1, 4, 2));
    expect(place('greedy', past, 1, 4, 2)).toEqual(greedy(past, 2));
    expect(place('anti-correlation', past, 1, 4, 2)).toEqual(antiCorrelation(past, 2));
    expect(place('covariance', past, 1, 4, 2)).toEqual(covariance(past, 2));
  });
});

describe('greedy placement', () => {
  it('puts the largest mean load on the device with the least, up to E/D experts', () => {
    const deviceOf = (...counts: number[]) => [
      ...(greedy({ layers: 1, experts: counts.length, batches: 1, counts: Uint32Array.from(counts) }, 2).deviceOf[0] ??
        []),
    ];
    // 9 | 7, then 2 beside 7, then 1 beside 9.
    expect(deviceOf(9, 7, 2, 1)).toEqual([0, 1, 1, 0]);
    // One expert outweighs all: without the limit every other would go to the second device.
    expect(deviceOf(100, 1, 1, 1)).toEqual([0, 0, 1, 1]);
  });

  it('means shares, not tokens: a long batch counts as much as a short one', () => {
    // Mean shares 0.36, 0.34, 0.2, 0.1. By tokens (162, 338, 400, 200) the answer would be 0 1 0 1.
    const past: LoadHistory = {
      layers: 1,
      experts: 4,
      batches: 2,
      counts: Uint32Array.of(62, 38, 0, 0, 100, 300, 400, 200),
    };
    expect([...(greedy(past, 2).deviceOf[0] ?? [])]).toEqual([0, 1, 1, 0]);
  });
});

describe('every placement from history', () => {
  it.each(Object.entries(METHODS))(
    '%s is never worse than contiguous on its own, layer by layer (law 7)',
    (_, method) => {
      fc.assert(
        fc.property(history, devices, (past, count) => {
          const plain = contiguous(past.layers, past.experts, count);
          const balanced = method(past, count);
          for (let layer = 0; layer < past.layers; layer++) {
            const before = scorePlacement(past, plain, layer);
            const after = scorePlacement(past, balanced, layer);
            expect(after.avgMaxLoad).toBeLessThanOrEqual(before.avgMaxLoad);
            if (after.avgMaxLoad === before.avgMaxLoad) expect(after.maxLoad).toBeLessThanOrEqual(before.maxLoad);
          }
        }),
        { numRuns: 300 },
      );
    },
  );
});

describe('score of a placement', () => {
  it('is what the definitions say: the largest share ever, the mean of the largest, the mean by device', () => {
    fc.assert(
      fc.property(history, devices, fc.infiniteStream(fc.nat()), fc.boolean(), (past, count, random, oneLayer) => {
        const { layers, experts, batches, counts } = past;
        const deviceOf = Array.from({ length: layers }, () =>
          Uint8Array.from({ length: experts }, () => random.next().value % count),
        );
        const layer = oneLayer ? layers - 1 : undefined;
        const shares: number[][] = [];
        for (let batch = 0; batch < batches; batch++) {
          for (let l = 0; l < layers; l++) {
            if (layer !== undefined && l !== layer) continue;
            const row = [...counts].slice((batch * layers + l) * experts, (batch * layers + l + 1) * experts);
            const total = row.reduce((sum, value) => sum + value, 0);
            if (total === 0) continue;
            const load = (device: number) =>
              row.reduce((sum, value, expert) => sum + (deviceOf[l]?.[expert] === device ? value : 0), 0) / total;
            shares.push(Array.from({ length: count }, (_, device) => load(device)));
          }
        }
        const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
        const score = scorePlacement(past, { devices: count, deviceOf }, layer);
        const largest = shares.map((row) => Math.max(...row));
        expect(score.maxLoad).toBeCloseTo(Math.max(0, ...largest), 12);
        expect(score.avgMaxLoad).toBeCloseTo(mean(largest), 12);
        for (let device = 0; device < count; device++) {
          expect(score.meanShare[device]).toBeCloseTo(mean(shares.map((row) => row[device] ?? Number.NaN)), 12);
        }
      }),
    );
  });
});
