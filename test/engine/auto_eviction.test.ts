import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { LiveEviction } from '../../engine/coordinator/auto_eviction.ts';
import type { EvictionName } from '../../engine/protocol/settings.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { runTiny } from './tiny_run.ts';

const [LAYERS, EXPERTS, SLOTS] = [2, 12, 5];
const placement = contiguous(LAYERS, EXPERTS, 1);

/** Steps of two tokens that go round eight experts: the worst that can come to LRU, and good for LIFO. */
function round(trace: RoutingTraceBuilder, steps: number): void {
  for (let i = 0; i < steps; i++) {
    const at = (trace.steps * 2) % 8;
    trace.appendStep({
      tokens: 2,
      ids: Uint16Array.from([at, at + 1, at, at + 1]),
      request: Int32Array.of(0, 1),
      position: Int32Array.of(trace.steps, trace.steps),
      phase: Uint8Array.of(1, 1),
    });
  }
}

/** Misses of the newest `steps` steps; caches begin cold at `start`. */
function misses(trace: RoutingTraceBuilder, eviction: EvictionName, start: number, steps: number): number {
  const replay = new CacheReplay(LAYERS, EXPERTS);
  replay.apply({ atStep: 0, slotsPerLayer: SLOTS, eviction, placement });
  let before = 0;
  for (let step = start; step < trace.steps; step++) {
    if (step === trace.steps - steps) before = replay.totals.misses;
    replay.step(trace, step);
  }
  return replay.totals.misses - before;
}

function catchUp(eviction: LiveEviction, slots = SLOTS): void {
  // Each call works for some milliseconds only.
  for (let call = 0; call < 400; call++)
    eviction.advance({ slotsPerLayer: slots, placement, prefetch: 'off', activeSet: 'routed' });
}

describe('automatic eviction', () => {
  it('puts the policy in force that would have missed least, and says how much less', () => {
    const trace = new RoutingTraceBuilder({ moeLayers: LAYERS, experts: EXPERTS, topK: 1 });
    const eviction = new LiveEviction(trace, LAYERS, EXPERTS);
    eviction.set('lru');
    eviction.set('auto');
    expect(eviction.inForce).toBe('lru');
    round(trace, 63);
    catchUp(eviction);
    expect(eviction.choose()).toBeUndefined();
    round(trace, 337);
    catchUp(eviction);
    const label = eviction.choose();
    const chosen = eviction.inForce;
    expect(chosen).not.toBe('lru');
    const [lru, least] = [misses(trace, 'lru', 0, 256), misses(trace, chosen, 0, 256)];
    expect(lru).toBe(256 * 2 * LAYERS);
    expect(least).toBeLessThanOrEqual(misses(trace, 'lifo', 0, 256));
    const percent = (100 * (1 - least / lru)).toFixed(1);
    expect(label).toBe(`auto: ${chosen}, ${percent}% fewer misses than lru over the last 256 steps`);
    // Not again before 64 more steps, and then only for a better one.
    round(trace, 40);
    catchUp(eviction);
    expect(eviction.choose()).toBeUndefined();
  });

  it('begins anew for another size, over the newest 256 steps', () => {
    const trace = new RoutingTraceBuilder({ moeLayers: LAYERS, experts: EXPERTS, topK: 1 });
    const eviction = new LiveEviction(trace, LAYERS, EXPERTS);
    eviction.set('lru');
    eviction.set('auto');
    round(trace, 400);
    catchUp(eviction, EXPERTS);
    // Every expert fits: nothing to gain.
    expect(eviction.choose()).toBeUndefined();
    catchUp(eviction);
    const label = eviction.choose();
    const [lru, least] = [misses(trace, 'lru', 144, 256), misses(trace, eviction.inForce, 144, 256)];
    const percent = (100 * (1 - least / lru)).toFixed(1);
    expect(label).toBe(`auto: ${eviction.inForce}, ${percent}% fewer misses than lru over the last 256 steps`);
  });

  it('does nothing under a policy that was set by name', () => {
    const trace = new RoutingTraceBuilder({ moeLayers: LAYERS, experts: EXPERTS, topK: 1 });
    const eviction = new LiveEviction(trace, LAYERS, EXPERTS);
    eviction.set('lru');
    round(trace, 300);
    catchUp(eviction);
    expect(eviction.choose()).toBeUndefined();
    expect(eviction.inForce).toBe('lru');
  });

  it('changes a run, with a mark, and the file says what was in force', async () => {
    const settings = { eviction: 'sieve', cacheSlots: 2, promptCount: 8, newTokens: 48 } as const;
    const { recording } = await runTiny(settings, [{ afterSteps: 70, patch: { eviction: 'auto' } }]);
    const [, set, ...changes] = recording.settings;
    expect(set).toMatchObject({ label: 'sieve to auto', eviction: 'sieve', settings: { eviction: 'auto' } });
    expect(changes.length).toBeGreaterThan(0);
    for (const { eviction, label, atStep } of changes) {
      expect(label.startsWith(`auto: ${eviction}, `)).toBe(true);
      expect(atStep).toBeGreaterThanOrEqual(70);
    }
  }, 120_000);
});
