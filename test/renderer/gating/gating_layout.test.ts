import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GatingRow } from '../../../engine/protocol/labs.ts';
import { STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import {
  batchesOf,
  byCapacity,
  phaseParts,
  phaseTotalMs,
  slotBars,
  throughputLines,
} from '../../../src-renderer/views/gating/gating_layout.ts';
import { DYNAMIC, GATING, STATIC } from './gating_example.ts';

const rows = fc.array(
  fc
    .record({ realRows: fc.nat(4096), paddingRows: fc.nat(65_536), droppedPairs: fc.nat(4096) })
    .map((counts): GatingRow => ({ ...STATIC, ...counts, slots: counts.realRows + counts.paddingRows })),
  { minLength: 1, maxLength: 6 },
);

describe('slotBars', () => {
  it('keeps every bar and every mark inside the plot, and the proportions of the counts', () => {
    fc.assert(
      fc.property(rows, (input) => {
        const bars = slotBars(input);
        for (const { row, real, padding, asked } of bars) {
          expect(real + padding).toBeLessThanOrEqual(1 + 1e-12);
          expect(asked).toBeLessThanOrEqual(1 + 1e-12);
          expect(real * row.paddingRows).toBeCloseTo(padding * row.realRows, 6);
        }
      }),
    );
  });

  it('fills the plot with the longest bar', () => {
    const [longest, other] = slotBars([STATIC, DYNAMIC]);
    expect((longest?.real ?? 0) + (longest?.padding ?? 0)).toBeCloseTo(1);
    expect(longest?.asked).toBe(other?.asked);
    expect(other?.real).toBeCloseTo(128 / 1664);
  });
});

describe('phaseParts', () => {
  it('stacks to the time of all phases, and leaves out those that took nothing', () => {
    const parts = phaseParts(STATIC, phaseTotalMs(STATIC));
    expect(parts.reduce((sum, { width }) => sum + width, 0)).toBeCloseTo(1);
    expect(parts.map(({ phase }) => phase)).toEqual(STEP_PHASES.filter((phase) => STATIC.phaseMs[phase] > 0));
  });
});

describe('curves', () => {
  it('lists batches once and in order, with a gap where a batch does not fit', () => {
    expect(batchesOf(GATING)).toEqual([8, 32]);
    expect(throughputLines(GATING)).toEqual([
      { policy: 'dynamic', title: 'Dynamic', tokensPerSecond: [4000, 6000] },
      { policy: 'static', title: 'Static', tokensPerSecond: [2000, null] },
    ]);
    expect(throughputLines({ ...GATING, rows: [DYNAMIC] }).map(({ title }) => title)).toEqual([
      'Dynamic',
      'Static (GShard)',
    ]);
  });

  it('orders the quality curve by capacity', () => {
    expect(byCapacity(GATING).map(({ capacity }) => capacity)).toEqual([0.05, 0.25, 1]);
  });
});
