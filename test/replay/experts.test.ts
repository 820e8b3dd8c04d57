import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { contiguous } from '../../engine/balancing/placement.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';
import { expertLife } from '../../engine/replay/expert_life.ts';
import { type ExpertsQuestion, expertsMap } from '../../engine/replay/experts_map.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { traces } from '../trace/examples.ts';

const pace = new Pace();

function questionOf(
  trace: RoutingTrace,
  devices: number,
  eviction: EvictionName,
  slots: readonly number[],
): ExpertsQuestion {
  const { steps, tokens, moeLayers, experts, topK } = trace;
  const placement = contiguous(moeLayers, experts, devices);
  return {
    subject: {
      source: 'run',
      name: 'r',
      model: 'm',
      steps,
      tokens,
      moeLayers: Array.from({ length: moeLayers }, (_, block) => ({ stack: 'decoder', block })),
      experts,
      topK,
      devices,
      routing: 'recorded',
    },
    caches: { recorded: true, policy: eviction, slots: slots.at(-1) ?? 1 },
    trace,
    timeline: { changes: slots.map((slotsPerLayer, at) => ({ atStep: 5 * at, slotsPerLayer, eviction, placement })) },
  };
}

/** Settings change every five steps. */
const questions = fc
  .tuple(
    traces({ maxSteps: 20 }).filter(({ steps }) => steps > 0),
    fc.constantFrom(1, 2),
    fc.constantFrom(...EvictionName.options),
    fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
  )
  .map((parts) => questionOf(...parts));

const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

describe('experts map', () => {
  it('counts tokens as they stand in the trace, and cache events as the replay counts them', async () => {
    await fc.assert(
      fc.asyncProperty(questions, async (question) => {
        const { trace, timeline, subject } = question;
        const map = await expertsMap(question, pace);
        for (let layer = 0; layer < trace.moeLayers; layer++) {
          const ids = Array.from({ length: trace.steps }, (_, step) => {
            const all = trace.stepIds(step);
            const width = all.length / trace.moeLayers;
            return [...all.subarray(layer * width, (layer + 1) * width)];
          }).flat();
          for (let expert = 0; expert < trace.experts; expert++)
            expect(map.tokens[layer]?.[expert]).toBe(ids.filter((id) => id === expert).length);
        }
        const replay = replayCaches(trace, timeline);
        expect(sum(map.hits.flat())).toBe(replay.totals.hits);
        expect(sum(map.misses.flat())).toBe(replay.totals.misses);
        const residents = Array.from({ length: subject.devices }, (_, device) => replay.residents(device));
        for (const [device, count] of residents.entries())
          expect(map.residentOn.flat().filter((at) => at === device).length).toBe(count);
      }),
      { numRuns: 80 },
    );
  });

  it('says how much the busiest eighth has, and whether it is the same in both halves', async () => {
    const builder = new RoutingTraceBuilder({ moeLayers: 2, experts: 16, topK: 1 });
    // Layer 0: experts 3 and 4 throughout, with one token elsewhere; layer 1: each expert once, in rising order.
    for (let step = 0; step < 16; step++) {
      const first = step === 0 ? 9 : 3 + (step % 2);
      builder.appendStep({
        tokens: 1,
        ids: Uint16Array.of(first, step),
        request: new Int32Array(1),
        position: Int32Array.of(step),
        phase: Uint8Array.of(1),
      });
    }
    const map = await expertsMap(questionOf(builder, 1, 'lru', [4]), pace);
    expect(map.concentration).toEqual([15 / 16, 2 / 16]);
    expect(map.stability).toEqual([1, 0]);
  });
});

describe('the life of an expert', () => {
  it('is its row of the map, event by event, and never evicted before it was loaded', async () => {
    await fc.assert(
      fc.asyncProperty(questions, fc.nat(), fc.nat(), async (question, a, b) => {
        const { trace } = question;
        const layer = a % trace.moeLayers;
        const expert = b % trace.experts;
        const map = await expertsMap(question, pace);
        const life = (await expertLife(question, layer, expert, pace)).expert;
        const count = (kind: string) => life?.events.filter((event) => event.kind === kind).length;
        expect(count('hit')).toBe(map.hits[layer]?.[expert]);
        expect(count('load')).toBe(map.misses[layer]?.[expert]);
        expect(life?.loads).toBe(count('load'));
        let resident = false;
        for (const { kind, tokens, step } of life?.events ?? []) {
          expect(resident).toBe(kind !== 'load');
          resident = kind !== 'evict';
          if (kind !== 'evict') expect(tokens).toBeGreaterThan(0);
          expect(step).toBeLessThan(trace.steps);
        }
        expect(resident).toBe((map.residentOn[layer]?.[expert] ?? -1) >= 0);
      }),
      { numRuns: 80 },
    );
  });

  it('has rows of shares that add up to 1, of all steps or evenly of many', async () => {
    const builder = new RoutingTraceBuilder({ moeLayers: 1, experts: 4, topK: 2 });
    for (let step = 0; step < 1300; step++) {
      builder.appendStep({
        tokens: 1,
        ids: Uint16Array.of(step % 4, (step + 1) % 4),
        request: new Int32Array(1),
        position: Int32Array.of(step),
        phase: Uint8Array.of(1),
      });
    }
    const { steps, share, expert } = await expertLife(questionOf(builder, 1, 'lru', [4]), 0, undefined, pace);
    expect(expert).toBeUndefined();
    expect([steps.length, steps[0], steps.at(-1)]).toEqual([512, 0, 1297]);
    expect(share.every((row) => sum(row) === 1)).toBe(true);
    expect(share[1]).toEqual([0, 0, 0.5, 0.5]);
  });

  it('is refused for a layer or an expert that there is not', async () => {
    const builder = new RoutingTraceBuilder({ moeLayers: 2, experts: 4, topK: 1 });
    const question = questionOf(builder, 1, 'lru', [4]);
    await expect(expertLife(question, 2, undefined, pace)).rejects.toThrow(EngineRefusal);
    await expect(expertLife(question, 2, undefined, pace)).rejects.toThrow(
      'layer: r has 2 MoE layers; choose one from 0 to 1',
    );
    await expect(expertLife(question, 1, 4, pace)).rejects.toThrow('expert: r has 4 experts a layer');
  });
});
