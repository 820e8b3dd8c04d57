import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { LivePlacement, movedCopies } from '../../engine/coordinator/live_placement.ts';
import { RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { checkPlacement } from '../balancing/check_placement.ts';
import { devices, runTiny } from './tiny_run.ts';

const SHAPE = { layers: 1, experts: 4, devices: 2 };

/** A trace in which every step's one token takes the two experts. */
function traceOf(...steps: [number, number][]): RoutingTraceBuilder {
  const trace = new RoutingTraceBuilder({ moeLayers: 1, experts: 4, topK: 2 });
  for (const pair of steps) append(trace, pair);
  return trace;
}

function append(trace: RoutingTraceBuilder, pair: [number, number]): void {
  const one = new Int32Array(1);
  trace.appendStep({ tokens: 1, ids: Uint16Array.from(pair), request: one, position: one, phase: Uint8Array.of(1) });
}

describe('placement of a running engine', () => {
  it('waits for a history, then is due once, or every so many steps', () => {
    const trace = traceOf();
    const live = new LivePlacement(trace, SHAPE);
    const once = { placement: 'greedy', rebalanceEvery: 0 } as const;
    const often = { placement: 'greedy', rebalanceEvery: 10 } as const;
    live.renew(once, 0);
    expect(live.current).toEqual(contiguous(1, 4, 2));
    expect(live.isDue(once, 31)).toBe(false);
    for (let step = 0; step < 32; step++) append(trace, [0, 1]);
    expect(live.isDue(once, 32)).toBe(true);
    expect(live.isDue({ ...once, placement: 'contiguous' }, 32)).toBe(false);
    // 0 and 1 part: one of them, and one of the idle two, change places.
    expect(live.renew(once, 32)).toBe(2);
    expect(live.historySteps).toBe(32);
    expect([live.isDue(once, 500), live.isDue(often, 41), live.isDue(often, 42)]).toEqual([false, false, true]);
  });

  it('keeps the very placement where the history changes nothing, and starts to count anew', () => {
    const trace = traceOf(...Array.from({ length: 32 }, (): [number, number] => [0, 1]));
    const live = new LivePlacement(trace, SHAPE);
    const often = { placement: 'greedy', rebalanceEvery: 10 } as const;
    live.renew(often, 32);
    const before = live.current;
    expect(live.renew(often, 42)).toBe(0);
    expect(live.current).toBe(before);
    expect([live.isDue(often, 51), live.isDue(often, 52)]).toEqual([false, true]);
  });

  it('looks at the newest 256 steps only', () => {
    const trace = traceOf(...Array.from({ length: 300 }, (): [number, number] => [0, 1]));
    const live = new LivePlacement(trace, SHAPE);
    for (let step = 0; step < 256; step++) append(trace, [0, 2]);
    live.renew({ placement: 'greedy', rebalanceEvery: 1 }, 556);
    expect(live.historySteps).toBe(256);
    // By all 556 steps 1 outweighs 2; by the newest, contiguous already parts 0 and 2.
    expect(live.current).toEqual(contiguous(1, 4, 2));
  });

  it('counts as moved what stands where no copy of it stood', () => {
    const before = contiguous(1, 4, 2);
    const after = {
      devices: 2,
      split: 'equal' as const,
      layers: [{ firstCopy: Int32Array.of(0, 3, 4, 5, 6), deviceOf: Uint8Array.of(0, 1, 1, 1, 0, 1) }],
    };
    checkPlacement(after);
    // 0 gains device 1 (twice is once), 1 moves there, 2 to device 0; 3 stays.
    expect(movedCopies(before, after)).toBe(3);
    expect(movedCopies(after, before)).toBe(2);
  });

  it('says on a mark what re-balancing cost, and the run file has each placement', async () => {
    const { recording } = await runTiny({
      devices: devices(2),
      placement: 'greedy',
      rebalanceEvery: 8,
      promptCount: 12,
    });
    const marks = recording.settings.filter(({ label }) => label.includes('experts moved'));
    expect(marks.length).toBeGreaterThan(1);
    expect(marks[0]?.label).toMatch(
      /^greedy placement from 32 steps: \d+ experts moved, \d+ to load again, [\d.]+ ms$/,
    );
    expect(marks[1]?.label).toMatch(/^re-balanced from \d+ steps: \d+ experts moved, \d+ to load again, [\d.]+ ms$/);
    for (const [index, { placement, atStep }] of marks.entries()) {
      const before = marks[index - 1] ?? recording.settings[0];
      expect(placement.deviceOf).not.toEqual(before?.placement.deviceOf);
      expect((atStep - 32) % 8).toBe(0);
    }
  });
});
