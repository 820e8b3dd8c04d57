import { describe, expect, it } from 'vitest';
import { DEFAULT_RUN } from '../../../engine/protocol/settings.ts';
import {
  capacityText,
  droppedShare,
  isInForce,
  tutelText,
  wasteFactor,
} from '../../../src-renderer/inspector/gating_words.ts';
import { changeLabel } from '../../../src-renderer/stores/run_settings.ts';
import { DEMO_MODEL } from '../../ui/fake_model.ts';

describe('what gating costs, beside its knobs', () => {
  it("is the paper's waste factor: 12.8 for its language model, 64 for its translation model", () => {
    expect(wasteFactor({ experts: 512, topK: 2 }, 0.05)).toBeCloseTo(12.8, 9);
    expect(wasteFactor({ experts: 128, topK: 2 }, 1)).toBe(64);
    expect(capacityText({ experts: 512, topK: 2 }, 0.05, undefined)).toBe('Waste E·C/k 12.8×');
    expect(capacityText({ experts: 64, topK: 4 }, 0.05, 0.296)).toBe('Waste E·C/k 0.8×, 29.6% dropped');
  });

  it("says what Tutel's factor means on either side of 0", () => {
    expect(tutelText(0, 0)).toBe('As the busiest expert, 0% dropped');
    expect(tutelText(1.25, undefined)).toBe('1.25× an even share');
    expect(tutelText(-2, undefined)).toBe('At most 2× an even share');
  });

  it('takes the dropped share of k pairs a layer and token, and tells none for a translation model', () => {
    const pairs = DEMO_MODEL.topK * DEMO_MODEL.moeLayers.length;
    expect(droppedShare(DEMO_MODEL, pairs / 4)).toBeCloseTo(0.25, 9);
    expect(droppedShare(DEMO_MODEL, undefined)).toBeUndefined();
    expect(droppedShare({ ...DEMO_MODEL, encoderLayers: 6 }, 1)).toBeUndefined();
  });

  it('shows what was measured only for the settings it was measured under', () => {
    const run = { ...DEFAULT_RUN, gating: 'static' as const, capacity: 0.1 };
    expect(isInForce(run, run)).toBe(true);
    expect(isInForce({ ...run, tutelFactor: 3 }, run)).toBe(true);
    expect(isInForce({ ...run, capacity: 0.2 }, run)).toBe(false);
    expect(isInForce({ ...run, gating: 'tutel' }, run)).toBe(false);
    expect(isInForce(run, undefined)).toBe(false);
  });
});

it('labels a change of gating by its titles', () => {
  expect(changeLabel(DEFAULT_RUN, { gating: 'static', capacity: 0.05 }, 64)).toBe(
    'Gating Dynamic → Static (GShard), Capacity 1 → 0.05',
  );
});
