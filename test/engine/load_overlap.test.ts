import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { STEP_PHASES } from '../../engine/protocol/telemetry.ts';
import { LoadOverlap } from '../../engine/rank/load_overlap.ts';
import { PhaseClock } from '../../engine/rank/phase_clock.ts';

const LOAD = STEP_PHASES.indexOf('load');
const ROUND_TRIP_MS = 0.5;

/** A device with one queue and a thread beside it, in time that passes only by what they do. */
class Card {
  nowMs = 0;
  private idleFromMs = 0;

  /** Work that is queued: the thread goes on at once. */
  queue(ms: number): void {
    this.idleFromMs = Math.max(this.nowMs, this.idleFromMs) + ms;
  }

  readonly settle = async (): Promise<void> => {
    this.nowMs = Math.max(this.nowMs, this.idleFromMs) + ROUND_TRIP_MS;
  };

  /** The thread reads and converts for so long, then queues the copy. */
  load(threadMs: number, copyMs: number): () => Promise<void> {
    return async () => {
      this.nowMs += threadMs;
      this.queue(copyMs);
    };
  }
}

let card = new Card();
beforeEach(() => {
  card = new Card();
  vi.spyOn(performance, 'now').mockImplementation(() => card.nowMs);
});
afterEach(() => vi.restoreAllMocks());

/** Steps of one layer each: residents are queued, then experts loaded one by one, each of which then runs. */
async function steps(
  count: number,
  residentsMs: number,
  loads: readonly number[],
  copyMs: number,
  runMs: number,
  settles = true,
) {
  const clock = new PhaseClock();
  const overlap = new LoadOverlap(clock, settles ? card.settle : undefined);
  const split = [];
  for (let step = 0; step < count; step++) {
    clock.start();
    overlap.begin();
    card.queue(residentsMs);
    for (const threadMs of loads) {
      await overlap.load(card.load(threadMs, copyMs));
      card.queue(runMs);
    }
    const { phaseMs } = clock.stop();
    split.push({ loadMs: phaseMs[LOAD] as number, ...overlap.take(phaseMs[LOAD] as number) });
    // The next layer's router logits are waited for.
    await card.settle();
  }
  return split;
}

describe('loads beside experts that run', () => {
  it('are hidden as long as the queue lasts, and copies are waited for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(20),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
        fc.nat(3),
        fc.nat(5),
        async (residentsMs, loads, copyMs, runMs) => {
          card = new Card();
          const split = await steps(20, residentsMs, loads, copyMs, runMs);
          let [queuedMs, hidden] = [residentsMs, 0];
          for (const threadMs of loads) {
            hidden += Math.min(threadMs, queuedMs);
            // The copy itself is no work beside which a load would be hidden: the step waits for it.
            queuedMs = Math.max(0, queuedMs - threadMs) + runMs;
          }
          const all = loads.reduce((sum, ms) => sum + ms, 0);
          for (const { hiddenMs, stallMs } of split) {
            expect(hiddenMs).toBeCloseTo(hidden, 3);
            expect(stallMs).toBeCloseTo(all - hidden + copyMs * loads.length, 3);
          }
          // One layer in 17 waits for the device, the others never.
          expect(split.filter(({ loadMs }) => loadMs > all + 1e-3).length).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('are stalls as a whole where nothing is ever queued', async () => {
    for (const { loadMs, hiddenMs, stallMs } of await steps(3, 10, [4, 5], 0, 1, false))
      expect([hiddenMs, stallMs, loadMs]).toEqual([0, 9, 9]);
  });
});
