import { describe, expect, it } from 'vitest';
import type { ExpertLife, ExpertsMap } from '../../../engine/protocol/labs.ts';
import {
  busiestExpert,
  cellText,
  colourEnd,
  layerSays,
  lifeSays,
  mapSays,
  mostConcentrated,
  stackBreaks,
  stays,
} from '../../../src-renderer/views/experts/expert_figures.ts';
import { layerRowTicks, stepRowTicks } from '../../../src-renderer/views/experts/row_ticks.ts';

const decoder = (block: number) => ({ stack: 'decoder' as const, block });
const encoder = (block: number) => ({ stack: 'encoder' as const, block });

const SUBJECT = {
  source: 'trace' as const,
  name: 'a.jsonl',
  model: 'm',
  steps: 20,
  tokens: 20,
  moeLayers: [decoder(1), decoder(3)],
  experts: 8,
  topK: 2,
  devices: 1,
  routing: 'recorded' as const,
};

const CACHES = { recorded: false, policy: 'lru' as const, slots: 4 };

const MAP: ExpertsMap = {
  subject: SUBJECT,
  caches: CACHES,
  tokens: [
    [10, 0, 30, 0, 0, 0, 0, 0],
    [5, 5, 5, 5, 5, 5, 5, 5],
  ],
  hits: [
    [8, 0, 29, 0, 0, 0, 0, 0],
    [1, 1, 1, 1, 1, 1, 1, 1],
  ],
  misses: [
    [2, 0, 1, 0, 0, 0, 0, 0],
    [4, 4, 4, 4, 4, 4, 4, 4],
  ],
  residentOn: [
    [0, -1, 0, -1, -1, -1, -1, -1],
    [-1, -1, -1, -1, -1, -1, -1, -1],
  ],
  concentration: [0.75, 0.125],
  stability: [1, 0.5],
};

describe('the map in words', () => {
  it('tells a cell by its layer in the checkpoint', () => {
    expect(cellText(MAP, 0, 2)).toBe(
      "Layer 1, expert 2: 30 tokens (75% of the layer's), 29 hits, 1 miss, resident at the end",
    );
    expect(cellText(MAP, 1, 7)).toContain('in host memory at the end');
  });

  it('tells a layer and the whole', () => {
    expect(layerSays(MAP, 0)).toBe(
      'Layer 1: an eighth of the experts (1) gets 75% of the tokens; 100% of them the same in both halves.',
    );
    expect(mapSays(MAP)).toContain('6 of 16 experts (37.5%) got no token at all.');
  });

  it('begins with the busiest expert of the most concentrated layer', () => {
    expect(mostConcentrated(MAP)).toBe(0);
    expect(busiestExpert(MAP, 0)).toBe(2);
  });
});

describe('colours', () => {
  const withTokens = (tokens: number[]): ExpertsMap => ({ ...MAP, tokens: [tokens] });

  it('end at the highest cell', () => {
    expect(colourEnd(MAP, 'tokens')).toEqual({ value: 30, isCut: false });
    expect(colourEnd(withTokens([0, 0, 0]), 'tokens')).toEqual({ value: 0, isCut: false });
  });

  it('are not spent on a single outlier', () => {
    const tokens = Array.from({ length: 256 }, (_, expert) => (expert === 7 ? 1000 : expert % 20));
    expect(colourEnd(withTokens(tokens), 'tokens')).toEqual({ value: 19, isCut: true });
  });
});

describe('a life', () => {
  const expert = (events: [number, 'hit' | 'load' | 'evict'][]): NonNullable<ExpertLife['expert']> => ({
    id: 3,
    events: events.map(([step, kind]) => ({ step, kind, tokens: kind === 'evict' ? 0 : 1 })),
    activeSteps: events.filter(([, kind]) => kind !== 'evict').length,
    loads: events.filter(([, kind]) => kind === 'load').length,
  });

  it('is resident from a load to its eviction, and to the end of the run', () => {
    expect(
      stays(
        expert([
          [2, 'load'],
          [3, 'hit'],
          [9, 'evict'],
          [12, 'load'],
        ]),
        20,
      ),
    ).toEqual([
      { from: 2, to: 9 },
      { from: 12, to: 20 },
    ]);
  });

  it('was resident before the first step where it is found before it is loaded', () => {
    expect(
      stays(
        expert([
          [4, 'hit'],
          [6, 'evict'],
        ]),
        20,
      ),
    ).toEqual([{ from: 0, to: 6 }]);
    expect(stays(expert([]), 20)).toEqual([]);
  });

  it('is told in one sentence', () => {
    const life: ExpertLife = {
      subject: SUBJECT,
      caches: CACHES,
      layer: 0,
      steps: [],
      share: [],
      expert: expert([
        [2, 'load'],
        [3, 'hit'],
        [4, 'hit'],
        [9, 'evict'],
        [12, 'load'],
      ]),
    };
    expect(lifeSays(life)).toBe('Active in 4 of 20 steps (20%), loaded 2 times, found resident 50% of the time.');
  });
});

describe('rows', () => {
  const both = [encoder(1), encoder(3), decoder(1), decoder(3)];

  it('of encoder and decoder stand apart and are named', () => {
    expect(stackBreaks(both)).toEqual([2]);
    expect(stackBreaks(SUBJECT.moeLayers)).toEqual([]);
    expect(layerRowTicks(both).map(({ text }) => text)).toEqual(['enc 1', '3', 'dec 1', '3']);
  });

  it('have a bounded number of ticks', () => {
    expect(layerRowTicks(Array.from({ length: 61 }, (_, block) => decoder(block))).length).toBeLessThanOrEqual(18);
    for (const [length, stride] of [
      [400, 3],
      [512, 1],
      [7, 1],
      [512, 37],
    ] as const) {
      const steps = Array.from({ length }, (_, row) => row * stride);
      const ticks = stepRowTicks(steps);
      expect(ticks.length).toBeLessThanOrEqual(8);
      // A tick stands at the row that first reaches its step.
      for (const { row, text } of ticks) {
        expect(steps[row]).toBeGreaterThanOrEqual(Number(text));
        if (row > 0) expect(steps[row - 1]).toBeLessThan(Number(text));
      }
    }
  });
});
