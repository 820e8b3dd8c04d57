import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import { DeviceRouting } from '../../engine/buffering/device_routing.ts';
import { ExpertCache, HIT, LOAD } from '../../engine/buffering/expert_cache.ts';
import { CacheScope, EvictionName } from '../../engine/protocol/settings.ts';
import { DeviceCaches } from '../../engine/replay/device_caches.ts';
import { ReferenceCache } from './reference_cache.ts';

const LAYERS = 3;
const EXPERTS = 7;
const IDS = Array.from({ length: EXPERTS }, (_, expert) => expert);
const ruled = EvictionName.options.filter((name) => name !== 'echo');
const steps = (maxLength: number) =>
  fc.array(fc.array(fc.subarray(IDS), { minLength: LAYERS, maxLength: LAYERS }), { maxLength, size: '+1' });

describe('slots shared by the layers of a device', () => {
  it('go as the reference of one cache says that has the experts of all layers, their events in turn', () => {
    const scenario = fc.record({
      sets: steps(45),
      slots: fc.integer({ min: 1, max: LAYERS * EXPERTS }),
      start: fc.constantFrom(...ruled),
      later: fc.constantFrom(...ruled),
      smaller: fc.integer({ min: 1, max: LAYERS * EXPERTS }),
    });
    fc.assert(
      fc.property(scenario, ({ sets, slots, start, later, smaller }) => {
        const routing = new DeviceRouting(LAYERS, EXPERTS);
        const cache = new ExpertCache(EXPERTS, slots, start, { routing, layer: 0, layers: LAYERS });
        const reference = new ReferenceCache(slots, start, LAYERS);
        for (const [step, layers] of sets.entries()) {
          if (step === 35) {
            cache.setEviction(later);
            reference.setEviction(later);
            expect(cache.resize(smaller)).toEqual(reference.resize(smaller));
          }
          for (const [layer, active] of layers.entries()) {
            const order = cache.openStep(active, active.length, layer).slice(0, active.length);
            const verdicts = Array.from(order, (expert) => {
              const verdict = cache.access(expert);
              return [layer * EXPERTS + expert, verdict === HIT ? 'hit' : verdict === LOAD ? 'load' : verdict];
            });
            expect(verdicts).toEqual(reference.event(active.map((expert) => layer * EXPERTS + expert)));
            expect(cache.residents()).toEqual(reference.residents());
          }
        }
        const sum = (name: 'hits' | 'misses' | 'loads' | 'evictions') =>
          Array.from({ length: LAYERS }, (_, layer) => cache.countersOf(layer)[name]).reduce((a, b) => a + b, 0);
        expect([sum('hits'), sum('misses'), sum('loads'), sum('evictions')]).toEqual(Object.values(reference.counters));
      }),
      { numRuns: 400 },
    );
  });

  it('protect what the step of a layer needs, and give up the least likely of all layers under routing echo', () => {
    fc.assert(
      fc.property(steps(40), fc.integer({ min: 1, max: 20 }), (sets, slots) => {
        const routing = new DeviceRouting(LAYERS, EXPERTS);
        const cache = new ExpertCache(EXPERTS, slots, 'echo', { routing, layer: 0, layers: LAYERS });
        for (const layers of sets) {
          for (const [layer, active] of layers.entries()) {
            const order = Array.from(cache.openStep(active, active.length, layer).slice(0, active.length));
            const needed = active.map((expert) => layer * EXPERTS + expert);
            const scores = routing.echo.scoresFrom(0, LAYERS);
            for (const expert of order) {
              const others = cache.residents().filter((id) => !needed.includes(id));
              const victim = cache.access(expert);
              if (victim < 0 || others.length === 0) continue;
              expect(others).toContain(victim);
              expect(scores[victim]).toBe(Math.min(...others.map((id) => scores[id] as number)));
            }
          }
        }
      }),
    );
  });

  it("are one layer's own where there is one layer", () => {
    const scenario = fc.record({
      sets: fc.array(fc.subarray(IDS), { maxLength: 60 }),
      slots: fc.integer({ min: 1, max: EXPERTS }),
      eviction: fc.constantFrom(...EvictionName.options),
      prefetch: fc.constantFrom('off' as const, 'echo' as const),
    });
    fc.assert(
      fc.property(scenario, ({ sets, slots, eviction, prefetch }) => {
        const [own, shared] = CacheScope.options.map((scope) => {
          const placement = contiguous(1, EXPERTS, 1);
          const caches = new DeviceCaches(0, 1, EXPERTS, {
            slotsPerLayer: slots,
            eviction,
            placement,
            prefetch,
            scope,
          });
          return sets.map((active) => {
            const told: number[] = [];
            caches.replayPrefetch(0, undefined, (...event) => told.push(...event));
            caches.replayEvent(0, Int32Array.from(active), active.length, undefined, (...event) => told.push(...event));
            return told;
          });
        });
        expect(shared).toEqual(own);
      }),
    );
  });

  it('change hands without a load: counters go on, residents stay as far as the new sharing has room for them', () => {
    const change = fc.record({
      scope: fc.constantFrom(...CacheScope.options),
      slotsPerLayer: fc.integer({ min: 1, max: EXPERTS }),
      eviction: fc.constantFrom(...EvictionName.options),
      prefetch: fc.constantFrom('off' as const, 'echo' as const),
    });
    const script = fc.array(fc.record({ change, sets: steps(25) }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(script, (parts) => {
        const placement = contiguous(LAYERS, EXPERTS, 1);
        const [first] = parts as [(typeof parts)[number]];
        const caches = new DeviceCaches(0, LAYERS, EXPERTS, { ...first.change, placement });
        let accesses = 0;
        const held = () =>
          Array.from({ length: LAYERS }, (_, layer) => IDS.filter((expert) => caches.isResident(layer, expert)));
        for (const { change: settings, sets } of parts) {
          const before = held();
          const givenUp = caches.apply({ ...settings, placement });
          const after = held();
          const { scope, slotsPerLayer } = settings;
          const count = before.flat().length;
          expect(after.flat().length).toBe(
            scope === 'device'
              ? Math.min(count, slotsPerLayer * LAYERS)
              : before.reduce((sum, layer) => sum + Math.min(layer.length, slotsPerLayer), 0),
          );
          for (const { layer, expert } of givenUp) after[layer]?.push(expert);
          expect(after.map((layer) => layer.sort((a, b) => a - b))).toEqual(before);
          for (const layers of sets) {
            for (const [layer, active] of layers.entries()) {
              caches.replayPrefetch(layer);
              caches.replayEvent(layer, Int32Array.from(active), active.length);
              accesses += active.length;
              const residents = held();
              expect(residents.flat().length).toBeLessThanOrEqual(slotsPerLayer * LAYERS);
              if (scope === 'layer') {
                expect(Math.max(...residents.map(({ length }) => length))).toBeLessThanOrEqual(slotsPerLayer);
              }
            }
          }
          let counted = 0;
          for (const [layer, residents] of held().entries()) {
            const { hits, misses, loads, evictions } = caches.countersOf(layer);
            counted += hits + misses;
            expect(loads).toBe(misses + caches.prefetchesOf(layer).loads);
            expect(loads - evictions).toBe(residents.length);
          }
          expect(counted).toBe(accesses);
        }
      }),
      { numRuns: 200 },
    );
  });
});
