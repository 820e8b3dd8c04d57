import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { projectionSays, projectTokensPerSecond } from '../../engine/replay/placement_speed.ts';

const placement = contiguous(2, 8, 2);
const pace = { placement, newTokensPerStep: 8, expertsMs: 12, exchangeMs: 2, otherMs: 6, loadMs: 0.5 };

describe('tokens/s under another placement', () => {
  it('is what was measured where nothing changes', () => {
    const same = { devices: 2, avgMaxLoad: 0.6, missesPerStep: 4 };
    expect(projectTokensPerSecond(pace, 0.6, same)).toBeCloseTo(8000 / (12 + 2 + 6 + 4 * 0.5), 9);
  });

  it('moves experts by Avg Max Load, the rest by the number of devices, and misses by a load each', () => {
    const step = { devices: 4, avgMaxLoad: 0.3, missesPerStep: 10 };
    expect(projectTokensPerSecond(pace, 0.6, step)).toBeCloseTo(8000 / (6 + 2 + 3 + 5), 9);
    const untimed = { ...pace, loadMs: undefined };
    expect(projectTokensPerSecond(untimed, 0.6, step)).toBeCloseTo(8000 / (6 + 2 + 3), 9);
  });

  it('says how, and what it leaves out', () => {
    expect(projectionSays(pace, 4)).toMatch(/exchange as measured, misses with 4 slots at the measured time/);
    const alone = { ...pace, placement: contiguous(2, 8, 1), loadMs: undefined };
    expect(projectionSays(alone, 4)).toMatch(/exchange is left out.*misses are left out/);
  });
});
