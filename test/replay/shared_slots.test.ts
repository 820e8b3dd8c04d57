import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { type ActiveSets, activeSets } from '../../engine/replay/active_sets.ts';
import { replayAllSizes } from '../../engine/replay/all_sizes.ts';
import { expertCaches, replayEachSize } from '../../engine/replay/each_size.ts';
import { replayMinPool } from '../../engine/replay/min_pool.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { CacheReplay } from '../../engine/replay/replay_cache.ts';
import { readTraceFile } from '../../engine/report/trace_file.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { traces } from '../trace/examples.ts';

const pace = new Pace();
const grown = traces({ maxSteps: 30 }).filter(({ steps }) => steps > 0);
const scenario = fc.record({
  trace: grown,
  devices: fc.constantFrom(1, 2),
  eviction: fc.constantFrom(...EvictionName.options),
});
const sizesUpTo = (most: number) => Array.from({ length: most }, (_, index) => index + 1);
const alike = (slots: readonly number[], layers: number) => slots.map((size) => new Array<number>(layers).fill(size));
const all = ({ steps }: { steps: number }) => new Uint8Array(steps).fill(1);

function pooled(eviction: EvictionName, sets: ActiveSets, slots: readonly number[]) {
  return replayEachSize(expertCaches(eviction, sets, alike(slots, sets.moeLayers), 'device'), sets, all(sets), pace);
}

describe('slots shared by the layers of a device, replayed', () => {
  it('miss at each size what a cache replay misses: by layer, and of the slowest device in each step', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ trace, devices, eviction }) => {
        const { moeLayers, experts, steps } = trace;
        const placement = contiguous(moeLayers, experts, devices);
        const slots = sizesUpTo(Math.ceil(experts / devices));
        const { byLayer, missesPerStep } = await pooled(eviction, activeSets(trace, placement), slots);
        for (const [size, slotsPerLayer] of slots.entries()) {
          const replay = new CacheReplay(moeLayers, experts);
          replay.apply({ atStep: 0, slotsPerLayer, eviction, placement, scope: 'device' });
          const missed = (device: number, layer: number) => replay.counters(device, layer).misses;
          const layers = Array.from({ length: moeLayers }, (_, layer) => layer);
          const ofDevices = () =>
            Array.from({ length: devices }, (_, device) => layers.reduce((sum, at) => sum + missed(device, at), 0));
          let slowest = 0;
          for (let step = 0; step < steps; step++) {
            const before = ofDevices();
            replay.step(trace, step);
            slowest += Math.max(...ofDevices().map((count, device) => count - (before[device] as number)));
          }
          for (const layer of layers) {
            const count = Array.from({ length: devices }, (_, device) => missed(device, layer));
            expect(byLayer[layer]?.[size]).toBe(count.reduce((a, b) => a + b, 0));
          }
          expect(missesPerStep[size]).toBe(slowest / steps);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('miss at least what MIN does: that of one layer with all experts, and no more than MIN with slots by layer where steps fit those', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ trace, devices, eviction }) => {
        const { moeLayers, experts } = trace;
        const sets = activeSets(trace, contiguous(moeLayers, experts, devices));
        const slots = sizesUpTo(Math.ceil(experts / devices));
        const min = await replayMinPool(sets, all(sets), slots, pace);
        if (devices === 1) {
          const flat = flattened(trace);
          const one = activeSets(flat, contiguous(1, flat.experts, 1));
          const sizes = slots.map((size) => size * moeLayers);
          expect(min.misses).toEqual((await replayAllSizes('min', one, all(one), sizes, pace)).misses);
        }
        const apart = await replayAllSizes('min', sets, all(sets), slots, pace);
        // A step that exceeds its layer's own slots gives up its own experts, in a pool those of other layers.
        const largest = sets.offsets.reduce((most, end, at) => Math.max(most, end - (sets.offsets[at - 1] ?? 0)), 0);
        for (const [size, misses] of min.misses.entries()) {
          if (largest <= (slots[size] ?? 0)) expect(misses).toBeLessThanOrEqual(apart.misses[size] ?? 0);
        }
        if (eviction === 'pinned') return;
        const { misses } = await pooled(eviction, sets, slots);
        for (const [size, floor] of min.misses.entries()) expect(floor).toBeLessThanOrEqual(misses[size] ?? 0);
      }),
      { numRuns: 100 },
    );
  });

  it('lose under LRU where slots are few and gain where they are many, as a study of the same trace found', async () => {
    const { trace } = readTraceFile('models/traces/qwen3-30b-a3b-128.jsonl.gz');
    const sets = activeSets(trace, contiguous(trace.moeLayers, trace.experts, 1));
    const slots = [12, 48];
    const [few = 0, many = 0] = (await pooled('lru', sets, slots)).misses;
    const [fewApart = 0, manyApart = 0] = (await replayAllSizes('lru', sets, all(sets), slots, pace)).misses;
    expect(few).toBeGreaterThan(fewApart);
    expect(many).toBeLessThan(manyApart);
  });
});

/** Every layer of a step a step of its own, of one layer that has all experts. */
function flattened(trace: RoutingTrace): RoutingTrace {
  const { moeLayers, experts, topK } = trace;
  const builder = new RoutingTraceBuilder({ moeLayers: 1, experts: moeLayers * experts, topK });
  for (let step = 0; step < trace.steps; step++) {
    const { ids, tokens, request, position, phase } = trace.step(step);
    for (let layer = 0; layer < moeLayers; layer++) {
      const own = ids.slice(layer * tokens * topK, (layer + 1) * tokens * topK);
      const named = own.map((expert) => (expert < experts ? layer * experts + expert : expert));
      builder.appendStep({ tokens, ids: named, request, position, phase });
    }
  }
  return builder;
}
