import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceRouting } from '../../engine/buffering/device_routing.ts';
import { ExpertCache } from '../../engine/buffering/expert_cache.ts';
import { Transitions } from '../../engine/buffering/transitions.ts';
import { ReferenceEcho } from './reference_echo.ts';

/** Sets by pass and layer: some passes repeat an earlier one, so that there is something to hear. */
function passes(experts: number, layers: number, maxLength: number): fc.Arbitrary<number[][][]> {
  const ids = Array.from({ length: experts }, (_, expert) => expert);
  const set = fc.oneof(
    { weight: 4, arbitrary: fc.subarray(ids, { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.subarray(ids) },
  );
  const fresh = fc.array(set, { minLength: layers, maxLength: layers });
  const step = fc.record({ fresh, back: fc.integer({ min: 0, max: 12 }) });
  return fc.array(step, { maxLength }).map((steps) => {
    const made: number[][][] = [];
    for (const { fresh: sets, back } of steps) made.push(made[made.length - back] ?? sets);
    return made;
  });
}

function close(actual: ArrayLike<number>, wanted: readonly number[]): void {
  expect(actual.length).toBe(wanted.length);
  for (const [index, value] of wanted.entries()) expect(actual[index]).toBeCloseTo(value, 5);
}

describe('routing echo', () => {
  it('scores experts as its description does', () => {
    fc.assert(
      fc.property(passes(9, 3, 45), (steps) => {
        const { echo } = new DeviceRouting(3, 9);
        const reference = new ReferenceEcho(9);
        for (const [pass, sets] of steps.entries()) {
          for (const [layer, active] of sets.entries()) {
            echo.observe(layer, active, active.length, pass + 1);
            const wanted = reference.event(layer, active);
            if (wanted !== undefined) close(echo.scoresFrom(layer, 1), wanted);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('does so past its window of 511 passes', () => {
    const { echo } = new DeviceRouting(1, 40);
    const reference = new ReferenceEcho(40);
    for (let pass = 0; pass < 700; pass++) {
      const active = [(pass * pass) % 13, 13 + (pass % 11), 24 + (pass % 16)];
      echo.observe(0, active, 3, pass + 1);
      const wanted = reference.event(0, active);
      if (pass > 500 && pass % 10 === 0) close(echo.scoresFrom(0, 1), wanted as number[]);
    }
  });

  it('votes for the experts of a layer ahead as its description does', () => {
    fc.assert(
      fc.property(passes(9, 3, 40), (steps) => {
        const { history } = new DeviceRouting(3, 9);
        const reference = new ReferenceEcho(9);
        const votes = new Float64Array(9);
        for (const [pass, sets] of steps.entries()) {
          for (const [layer, active] of sets.entries()) {
            history.enter(layer);
            history.findNearest();
            history.vote(layer, votes);
            close(votes, reference.votes(layer));
            history.observe(layer, active, active.length, pass + 1);
            reference.event(layer, active);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('gives up the inactive resident of the lowest score, of equal ones the least recently used', () => {
    fc.assert(
      fc.property(passes(9, 2, 40), fc.integer({ min: 1, max: 8 }), (steps, slots) => {
        const routing = new DeviceRouting(2, 9);
        const caches = [0, 1].map((layer) => new ExpertCache(9, slots, 'echo', { routing, layer }));
        for (const sets of steps) {
          for (const [layer, active] of sets.entries()) {
            const cache = caches[layer] as ExpertCache;
            const order = Array.from(cache.openStep(active, active.length).subarray(0, active.length));
            const scores = routing.echo.scoresFrom(layer, 1);
            for (const expert of order) {
              const others = cache.residents().filter((held) => !active.includes(held));
              const victim = cache.access(expert);
              if (victim < 0 || others.length === 0) continue;
              expect(others).toContain(victim);
              expect(scores[victim]).toBe(Math.min(...others.map((held) => scores[held] as number)));
            }
          }
        }
      }),
    );
  });

  it('knows nothing of what comes: another future changes no hit before it', () => {
    fc.assert(
      fc.property(passes(9, 2, 30), passes(9, 2, 10), passes(9, 2, 10), (past, one, other) => {
        const hits = (steps: readonly number[][][]) => {
          const routing = new DeviceRouting(2, 9);
          const caches = [0, 1].map((layer) => new ExpertCache(9, 4, 'echo', { routing, layer }));
          return steps.map((sets) => {
            for (const [layer, active] of sets.entries()) {
              (caches[layer] as ExpertCache).serve(Int32Array.from(active), 0, active.length);
            }
            return caches.map(({ counters }) => counters.hits);
          });
        };
        const [left, right] = [hits([...past, ...one]), hits([...past, ...other])];
        expect(left.slice(0, past.length)).toEqual(right.slice(0, past.length));
      }),
    );
  });

  it('learns the same however many caches share it', () => {
    fc.assert(
      fc.property(passes(9, 2, 40), (steps) => {
        const shared = new DeviceRouting(2, 9);
        const sizes = [1, 4, 8];
        const at = (routing: DeviceRouting, slots: number) =>
          [0, 1].map((layer) => new ExpertCache(9, slots, 'echo', { routing, layer }));
        const together = sizes.map((slots) => at(shared, slots));
        const apart = sizes.map((slots) => at(new DeviceRouting(2, 9), slots));
        for (const sets of steps) {
          for (const [layer, active] of sets.entries()) {
            for (const caches of [...together, ...apart]) {
              (caches[layer] as ExpertCache).serve(Int32Array.from(active), 0, active.length);
            }
          }
        }
        expect(together.flat().map(({ counters }) => counters)).toEqual(apart.flat().map(({ counters }) => counters));
      }),
    );
  });

  it('halves a row of counts before one overflows', () => {
    const transitions = new Transitions(2);
    const rates = new Float64Array(2);
    for (let pass = 0; pass < 65_535; pass++) transitions.add(0, [1], 1);
    for (let pass = 0; pass < 32_767; pass++) transitions.add(0, [0], 1);
    transitions.follow([0], 1, rates);
    expect(rates[0]).toBeCloseTo(0.5, 3);
    expect(rates[1]).toBeCloseTo(0.5, 3);
  });
});
