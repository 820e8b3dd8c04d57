import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { antiCorrelation } from '../../engine/balancing/anti_correlation.ts';
import { covariance } from '../../engine/balancing/covariance.ts';
import { greedy } from '../../engine/balancing/greedy.ts';
import { place } from '../../engine/balancing/place.ts';
import {
  contiguous,
  deviceCapacity,
  heldCount,
  type LayerPlacement,
  type LoadHistory,
  type Placement,
  type SplitName,
} from '../../engine/balancing/placement.ts';
import { eplbPlacement } from '../../engine/balancing/replicas.ts';
import { scorePlacement } from '../../engine/balancing/score.ts';
import { RowSplit } from '../../engine/balancing/split.ts';
import { replicaSlots } from '../../engine/protocol/experts_held.ts';
import { PlacementName } from '../../engine/protocol/settings.ts';
import { checkPlacement } from './check_placement.ts';
import { devices, history, layerPlacements, splits } from './histories.ts';

const REPLICAS = { redundant: 3, groups: 1, nodes: 1 };

const SINGLE = {
  greedy,
  antiCorrelation: (past: LoadHistory, count: number) => antiCorrelation(past, count, 'literal'),
  antiCorrelationByExperts: (past: LoadHistory, count: number) => antiCorrelation(past, count, 'by-experts'),
  covariance: (past: LoadHistory, count: number) => covariance(past, count, { gamma: 2, tries: 300, seed: 7 }),
};

const METHODS = {
  ...SINGLE,
  eplb: (past: LoadHistory, count: number) => eplbPlacement(past, count, { ...REPLICAS, redundant: 0 }, 'equal'),
  replicated: (past: LoadHistory, count: number) => eplbPlacement(past, count, REPLICAS, 'equal'),
  levelled: (past: LoadHistory, count: number) => eplbPlacement(past, count, REPLICAS, 'levelled'),
};

function expectPartition(placement: Placement, layers: number, experts: number, count: number): void {
  checkPlacement(placement);
  expect(placement.devices).toBe(count);
  expect(placement.layers.length).toBe(layers);
  for (const layer of placement.layers) {
    expect(layer.deviceOf.length).toBe(experts);
    expect(layer.firstCopy.length).toBe(experts + 1);
    const held = Array.from({ length: count }, (_, device) => heldCount(layer, device));
    expect(held).toEqual(Array.from({ length: count }, (_, device) => deviceCapacity(experts, count, device)));
  }
}

/** Every expert somewhere, and no device with more copies than its slots. */
function expectReplicas(placement: Placement, past: LoadHistory, count: number, redundant: number): void {
  checkPlacement(placement);
  const slots = replicaSlots(past.experts, count, redundant);
  if (past.experts % count === 0) expect(slots - past.experts).toBe(Math.floor(redundant / count) * count);
  for (const { firstCopy, deviceOf } of placement.layers) {
    expect(firstCopy.length).toBe(past.experts + 1);
    expect(deviceOf.length).toBeLessThanOrEqual(slots);
    for (let device = 0; device < count; device++)
      expect(deviceOf.filter((host) => host === device).length).toBeLessThanOrEqual(slots / count);
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
        for (const method of Object.values(SINGLE))
          expectPartition(method(past, count), past.layers, past.experts, count);
      }),
    );
  });

  it('has every expert and no more copies than declared, for any E and D', () => {
    fc.assert(
      fc.property(history, devices, (past, count) => {
        expectReplicas(METHODS.eplb(past, count), past, count, 0);
        expectReplicas(METHODS.replicated(past, count), past, count, 3);
        expectReplicas(METHODS.levelled(past, count), past, count, 3);
        if (past.experts % count === 0) expectPartition(METHODS.eplb(past, count), past.layers, past.experts, count);
      }),
    );
  });

  it('is in blocks by id when contiguous', () => {
    expect(contiguous(2, 7, 3).layers.map(({ deviceOf }) => [...deviceOf])).toEqual([
      [0, 0, 0, 1, 1, 2, 2],
      [0, 0, 0, 1, 1, 2, 2],
    ]);
    fc.assert(
      fc.property(history, devices, ({ layers, experts }, count) => {
        for (const { deviceOf } of contiguous(layers, experts, count).layers)
          expect([...deviceOf]).toEqual([...deviceOf].sort((a, b) => a - b));
      }),
    );
  });

  it('is contiguous without a history, and greedy with one where greedy is asked for', () => {
    const past: LoadHistory = { layers: 1, experts: 4, batches: 1, counts: Uint32Array.of(9, 7, 2, 1) };
    const shape = { layers: 1, experts: 4, devices: 2 };
    const plain = contiguous(1, 4, 2);
    for (const name of PlacementName.options) {
      expect(place(name, undefined, shape)).toEqual(plain);
      expect(place(name, { ...past, batches: 0, counts: new Uint32Array(0) }, shape)).toEqual(plain);
    }
    expect(place('contiguous', past, shape)).toEqual(plain);
    expect(place('greedy', past, shape)).toEqual(greedy(past, 2));
    expect(place('anti-correlation', past, shape)).toEqual(antiCorrelation(past, 2, 'literal'));
    expect(place('anti-correlation-scaled', past, shape)).toEqual(antiCorrelation(past, 2, 'by-experts'));
    expect(place('covariance', past, shape)).toEqual(covariance(past, 2));
    expect(place('eplb', past, shape)).toEqual(METHODS.eplb(past, 2));
    const more = { ...shape, redundant: 3 };
    expect(place('replicated', past, more)).toEqual(METHODS.replicated(past, 2));
    expect(place('levelled', past, more)).toEqual(METHODS.levelled(past, 2));
  });
});

describe('greedy placement', () => {
  it('puts the largest mean load on the device with the least, up to E/D experts', () => {
    const deviceOf = (...counts: number[]) => [
      ...(greedy({ layers: 1, experts: counts.length, batches: 1, counts: Uint32Array.from(counts) }, 2).layers[0]
        ?.deviceOf ?? []),
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
    expect([...(greedy(past, 2).layers[0]?.deviceOf ?? [])]).toEqual([0, 1, 1, 0]);
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
  const cases = fc.tuple(history, devices).chain(([past, count]) =>
    fc.record({
      past: fc.constant(past),
      count: fc.constant(count),
      split: splits,
      layers: fc.tuple(...Array.from({ length: past.layers }, () => layerPlacements(past.experts, count))),
      oneLayer: fc.boolean(),
    }),
  );

  it('is what the definitions say: the largest share ever, the mean of the largest, the mean by device', () => {
    fc.assert(
      fc.property(cases, ({ past, count, split, layers: placed, oneLayer }) => {
        const { layers, experts, batches, counts } = past;
        const layer = oneLayer ? layers - 1 : undefined;
        const shares: { batch: number; byDevice: number[] }[] = [];
        for (let batch = 0; batch < batches; batch++) {
          for (let l = 0; l < layers; l++) {
            if (layer !== undefined && l !== layer) continue;
            const row = [...counts].slice((batch * layers + l) * experts, (batch * layers + l + 1) * experts);
            const total = row.reduce((sum, value) => sum + value, 0);
            if (total === 0) continue;
            const byDevice = new Array<number>(count).fill(0);
            const here = placed[l] as LayerPlacement;
            for (const [copy, rows] of splitRows(here, count, split, row).entries()) {
              const device = here.deviceOf[copy] ?? -1;
              byDevice[device] = (byDevice[device] ?? Number.NaN) + rows / total;
            }
            shares.push({ batch, byDevice });
          }
        }
        const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
        const score = scorePlacement(past, { devices: count, split, layers: placed }, layer);
        const largest = shares.map(({ byDevice }) => Math.max(...byDevice));
        expect(score.maxLoad).toBeCloseTo(Math.max(0, ...largest), 9);
        expect(score.avgMaxLoad).toBeCloseTo(mean(largest), 9);
        for (let device = 0; device < count; device++) {
          const parts = shares.map(({ byDevice }) => byDevice[device] ?? Number.NaN);
          expect(score.meanShare[device]).toBeCloseTo(mean(parts), 9);
        }
        expect(score.largestShare.length).toBe(batches);
        for (const [batch, share] of score.largestShare.entries()) {
          const own = largest.filter((_, at) => shares[at]?.batch === batch);
          if (own.length === 0) expect(share).toBeNaN();
          else expect(share).toBeCloseTo(mean(own), 9);
        }
      }),
    );
  });
});

/** Division is tested in split.test.ts; here it may be any. */
function splitRows(layer: LayerPlacement, count: number, split: SplitName, totals: number[]): number[] {
  const division = new RowSplit(layer, count, split);
  division.divide(totals);
  return [...division.rows];
}
