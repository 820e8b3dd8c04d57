import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CacheRow, CacheTable } from '../../../engine/protocol/labs.ts';
import { tableCsv } from '../../../src-renderer/labs/table_data.ts';
import { missTable, tidyTable } from '../../../src-renderer/views/cache_lab/lab_tables.ts';
import {
  costAt,
  firstSize,
  lossesAt,
  nearestSize,
  ranked,
  rowOf,
} from '../../../src-renderer/views/cache_lab/losses.ts';

const SLOTS = [2, 4, 8, 16];

function row(policy: CacheRow['policy'], misses: number[]): CacheRow {
  return {
    policy,
    title: policy,
    misses,
    missRate: misses.map((count) => count / 1000),
    missesPerStep: misses.map((count) => count / 10),
    verdict: misses.map(() => ''),
  };
}

const table = (rows: CacheRow[], more: Partial<CacheTable> = {}): CacheTable => ({
  subject: {
    source: 'trace',
    name: 'a.jsonl',
    model: 'm',
    steps: 10,
    tokens: 10,
    moeLayers: [{ stack: 'decoder', block: 0 }],
    experts: 16,
    topK: 2,
    devices: 1,
    routing: 'recorded',
  },
  how: 'replayed',
  scope: 'layer',
  scored: { rule: 'all', steps: 10, accesses: 1000 },
  slots: SLOTS,
  rows,
  coldMisses: 16,
  workingSet: 3,
  byLayer: {
    policy: 'lru',
    misses: [[0, 0, 0, 0]],
    allocation: SLOTS.map((n) => [n]),
    allocatedMissRate: [0, 0, 0, 0],
  },
  warnings: [],
  ...more,
});

const LRU = row('lru', [900, 600, 300, 16]);
const LIFO = row('lifo', [950, 700, 400, 16]);
const MIN = row('min', [700, 400, 150, 16]);

describe('losses', () => {
  it('add up to all requests, and cold and size are the same for every policy', () => {
    const counts = fc.record({
      cold: fc.integer({ min: 0, max: 200 }),
      capacity: fc.integer({ min: 0, max: 300 }),
      policy: fc.integer({ min: 0, max: 400 }),
    });
    fc.assert(
      fc.property(counts, ({ cold, capacity, policy }) => {
        const least = cold + capacity;
        const own = row(
          'lru',
          SLOTS.map(() => least + policy),
        );
        const made = table(
          [
            own,
            row(
              'min',
              SLOTS.map(() => least),
            ),
          ],
          { coldMisses: cold },
        );
        const losses = lossesAt(made, own, 1);
        expect(losses.cold * 1000).toBeCloseTo(cold, 9);
        expect(losses.capacity * 1000).toBeCloseTo(capacity, 9);
        expect(losses.policy * 1000).toBeCloseTo(policy, 9);
        expect(losses.cold + losses.capacity + losses.policy + losses.hits).toBeCloseTo(1, 12);
      }),
    );
  });

  it('rank from the fewest misses, MIN first', () => {
    expect(ranked(table([LIFO, LRU, MIN]), 1).map(({ policy }) => policy)).toEqual(['min', 'lru', 'lifo']);
  });
});

describe('the size shown first', () => {
  it('is the one in force', () => {
    const inForce = { policy: 'lru' as const, slots: 9, measuredMissRate: 0.3 };
    expect(firstSize(table([LRU, MIN], { inForce }))).toBe(2);
  });

  it('holds the experts of one step where all are resident and every policy is the same', () => {
    const inForce = { policy: 'lru' as const, slots: 64, measuredMissRate: 0 };
    expect(SLOTS[firstSize(table([LRU, MIN], { inForce, workingSet: 3 }))]).toBeGreaterThanOrEqual(3);
    expect(firstSize(table([LRU, MIN], { inForce, workingSet: 3 }))).toBeLessThan(SLOTS.length - 1);
  });

  it('holds the experts of two steps where nothing is in force, or is the largest', () => {
    expect(firstSize(table([LRU, MIN], { workingSet: 3 }))).toBe(2);
    expect(firstSize(table([LRU, MIN], { workingSet: 30 }))).toBe(3);
  });

  it('is the nearest to what was pinned when the table has other sizes', () => {
    expect(SLOTS.map((wanted) => nearestSize(SLOTS, wanted + 0.4))).toEqual([0, 1, 2, 3]);
  });
});

it('a policy that the table lacks falls back to the one in force', () => {
  const inForce = { policy: 'lifo' as const, slots: 4, measuredMissRate: 0.3 };
  expect(rowOf(table([LRU, LIFO, MIN], { inForce }), 'sieve')?.policy).toBe('lifo');
  expect(rowOf(table([LRU, LIFO, MIN]), undefined)?.policy).toBe('lru');
});

it('projects a step from what a load takes, and nothing where that is not known', () => {
  const cost = { fixedBytes: 100, bytesPerSlot: 7, baseStepMs: 5, loadMs: 0.5, newTokensPerStep: 4 };
  expect(costAt(table([LRU, MIN], { cost }), LRU, 1)).toEqual({
    stepMs: 5 + 60 * 0.5,
    tokensPerSecond: 4000 / 35,
    bytes: 128,
  });
  expect(costAt(table([LRU, MIN]), LRU, 1)).toBeUndefined();
});

describe('tables', () => {
  it('show a column a size, and copy every number in full', () => {
    const made = table([row('lru', [333, 222, 111, 16]), MIN]);
    expect(missTable(made, 'lru').rows[0]?.cells.map(({ text }) => text)).toEqual([
      'lru',
      '33.3',
      '22.2',
      '11.1',
      '1.6',
    ]);
    const [header, first] = tableCsv(tidyTable(made)).split('\r\n');
    expect(header).toBe(
      'policy,slots (per layer and device),miss rate (share of requests),misses,misses per step (slowest device),' +
        'cold (share of requests),capacity (share of requests),policy loss (share of requests)',
    );
    expect(first).toBe('lru,2,0.333,333,33.3,0.016,0.317,0');
  });
});
