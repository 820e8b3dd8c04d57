import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous, type LayerPlacement, type Placement, singleCopies } from '../../engine/balancing/placement.ts';
import { DeviceRouting } from '../../engine/buffering/device_routing.ts';
import { type CacheCounters, ExpertCache } from '../../engine/buffering/expert_cache.ts';
import { CacheScope, EvictionName } from '../../engine/protocol/settings.ts';
import { applyChange } from '../../engine/replay/device_caches.ts';
import { type CacheChange, CacheReplay, replayCaches } from '../../engine/replay/replay_cache.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { layerPlacements, splits } from '../balancing/histories.ts';
import { splitByHand } from '../balancing/split_by_hand.ts';
import { activeOf, traces } from '../trace/examples.ts';

interface Case {
  readonly trace: RoutingTrace;
  readonly changes: CacheChange[];
}

/** A trace with settings that change at some of its steps, some of them more than once, and some after its end. */
const casesOf = (scopes: readonly CacheScope[]): fc.Arbitrary<Case> =>
  fc.tuple(traces({ maxSteps: 20 }), fc.constantFrom(1, 2, 3)).chain(([trace, devices]) => {
    const { moeLayers, experts } = trace;
    const placement: fc.Arbitrary<Placement> = fc.record({
      devices: fc.constant(devices),
      split: splits,
      layers: fc.oneof(
        fc.array(layerPlacements(experts, devices), { minLength: moeLayers, maxLength: moeLayers }),
        fc.constant(contiguous(moeLayers, experts, devices).layers),
      ),
    });
    const change = fc.record({
      atStep: fc.nat(22),
      slotsPerLayer: fc.integer({ min: 1, max: experts + 1 }),
      eviction: fc.constantFrom(...EvictionName.options),
      placement,
      scope: fc.constantFrom(...scopes),
      copyAfterRows: fc.array(fc.nat(12), { minLength: devices, maxLength: devices }),
    });
    return fc.array(change, { minLength: 1, maxLength: 5 }).map((list) => {
      const changes = [...list].sort((a, b) => a.atStep - b.atStep);
      return { trace, changes: changes.map((one, index) => (index === 0 ? { ...one, atStep: 0 } : one)) };
    });
  });

const cases = casesOf(CacheScope.options);

function counters(replay: CacheReplay, { trace, changes }: Case): CacheCounters[] {
  const devices = changes[0]?.placement.devices ?? 0;
  return Array.from({ length: devices * trace.moeLayers }, (_, index) =>
    replay.counters(Math.floor(index / trace.moeLayers), index % trace.moeLayers),
  );
}

describe('cache replay', () => {
  it('step by step is the replay of the whole', () => {
    fc.assert(
      fc.property(
        cases.filter(({ trace }) => trace.steps > 0),
        (example) => {
          const { trace, changes } = example;
          const growing = new RoutingTraceBuilder(trace);
          const replay = new CacheReplay(trace.moeLayers, trace.experts);
          for (let step = 0; step < trace.steps; step++) {
            for (const change of changes) if (change.atStep === step) replay.apply(change);
            growing.appendStep(trace.step(step));
            replay.step(growing, step);
          }
          const batch = replayCaches(trace, { changes });
          expect(counters(replay, example)).toEqual(counters(batch, example));
          expect(replay.totals).toEqual(batch.totals);
        },
      ),
    );
  });

  it('is each device and layer driven by hand: what the device owns, then the policy, then the size, at most what it owns', () => {
    fc.assert(
      fc.property(
        casesOf(['layer']).filter(({ trace }) => trace.steps > 0),
        ({ trace, changes }) => {
          const replay = replayCaches(trace, { changes });
          const totals = { hits: 0, misses: 0, loads: 0, evictions: 0 };
          for (let device = 0; device < (changes[0]?.placement.devices ?? 0); device++) {
            let residents = 0;
            for (const [layer, cache] of byHand(trace, changes, device).entries()) {
              expect(replay.counters(device, layer)).toEqual(cache.counters);
              for (const name of ['hits', 'misses', 'loads', 'evictions'] as const)
                totals[name] += cache.counters[name];
              residents += cache.residentCount;
            }
            expect(replay.residents(device)).toBe(residents);
          }
          expect(replay.totals).toEqual(totals);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives up in one order what a change costs: moved away first, by id, then by the new policy', () => {
    const [layer] = singleCopies(2, [Uint8Array.of(0, 1, 0, 1, 0, 0)]).layers as [LayerPlacement];
    const cache = new ExpertCache(6, 5, 'lifo');
    for (const expert of [4, 0, 3, 1, 2]) {
      cache.openStep([expert], 1);
      cache.access(expert);
    }
    // Loaded 4 0 3 1 2. Device 0 loses 3 and 1; of 4 0 2 the least recent load goes.
    expect(applyChange(cache, 0, [layer], 2, 'lru')).toEqual([1, 3, 4]);
    expect(cache.residents()).toEqual([0, 2]);
    // No more slots than experts owned.
    applyChange(cache, 0, [layer], 50, 'lru');
    expect(cache.capacity).toBe(4);
  });

  it('refuses to step before it has settings', () => {
    expect(() => new CacheReplay(1, 2).step(new RoutingTraceBuilder({ moeLayers: 1, experts: 2, topK: 1 }), 0)).toThrow(
      'settings',
    );
  });
});

/** The caches of one device, by layer. */
function byHand(trace: RoutingTrace, changes: readonly CacheChange[], device: number): ExpertCache[] {
  const [first] = changes as [CacheChange];
  const routing = new DeviceRouting(trace.moeLayers, trace.experts);
  const caches = Array.from(
    { length: trace.moeLayers },
    (_, layer) => new ExpertCache(trace.experts, 1, first.eviction, { routing, layer }),
  );
  let { placement } = first;
  const hosts = (layer: number, expert: number) => {
    const { firstCopy, deviceOf } = placement.layers[layer] as LayerPlacement;
    return [...deviceOf.subarray(firstCopy[expert], firstCopy[expert + 1])];
  };
  for (let step = 0; step < trace.steps; step++) {
    for (const change of changes) {
      if (change.atStep !== step) continue;
      placement = change.placement;
      for (const [layer, cache] of caches.entries()) {
        const owned = Array.from({ length: trace.experts }, (_, expert) => expert).filter((expert) =>
          hosts(layer, expert).includes(device),
        );
        cache.retain((expert) => hosts(layer, expert).includes(device));
        cache.setEviction(change.eviction);
        cache.copyAfterRows = change.copyAfterRows?.[device] ?? 0;
        cache.resize(Math.max(1, Math.min(owned.length, change.slotsPerLayer)));
      }
    }
    for (const [layer, cache] of caches.entries()) {
      if (activeOf(trace, step, layer).length === 0) continue;
      const rows = rowsByHand(trace, step, layer, device, placement);
      const active = [...rows.keys()];
      const order = Array.from(cache.openStep(active, active.length)).slice(0, active.length);
      for (const expert of order) cache.access(expert, rows.get(expert));
    }
  }
  return caches;
}

/** Rows on a device of the experts that have any there, by rising expert. */
function rowsByHand(
  trace: RoutingTrace,
  step: number,
  layer: number,
  device: number,
  placement: Placement,
): Map<number, number> {
  const ids = trace.stepIds(step);
  const size = ids.length / trace.moeLayers;
  const totals = new Array<number>(trace.experts).fill(0);
  for (const id of ids.subarray(layer * size, (layer + 1) * size)) {
    if (id < trace.experts) totals[id] = (totals[id] ?? 0) + 1;
  }
  const { firstCopy, deviceOf } = placement.layers[layer] as LayerPlacement;
  const rows = splitByHand({ firstCopy, deviceOf }, placement.devices, placement.split, totals);
  const own = [...totals.keys()].map((expert): [number, number] => {
    const copies = rows.slice(firstCopy[expert], firstCopy[expert + 1]);
    const here = copies.filter((_, copy) => deviceOf[(firstCopy[expert] ?? 0) + copy] === device);
    return [expert, here.reduce((sum, n) => sum + n, 0)];
  });
  return new Map(own.filter(([, n]) => n > 0));
}
