import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contiguous } from '../../engine/balancing/placement.ts';
import type { LabSubject } from '../../engine/protocol/labs.ts';
import { activeSets } from '../../engine/replay/active_sets.ts';
import { allocateSlots } from '../../engine/replay/allocate_slots.ts';
import { cacheTable, TABLE_POLICIES } from '../../engine/replay/cache_table.ts';
import { verdictOf } from '../../engine/replay/cache_verdicts.ts';
import { expertCaches, replayEachSize } from '../../engine/replay/each_size.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { scoredSteps } from '../../engine/replay/scored_steps.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import { activeOf, traces } from '../trace/examples.ts';

const pace = new Pace();

function subjectOf({ steps, tokens, moeLayers, experts, topK }: RoutingTrace, devices: number): LabSubject {
  const layers = Array.from({ length: moeLayers }, (_, block) => ({ stack: 'decoder' as const, block }));
  return {
    source: 'trace',
    name: 'a.jsonl',
    model: 'm',
    steps,
    tokens,
    moeLayers: layers,
    experts,
    topK,
    devices,
    routing: 'recorded',
  };
}

const question = (trace: RoutingTrace, devices = 1) => ({
  subject: subjectOf(trace, devices),
  trace,
  placement: contiguous(trace.moeLayers, trace.experts, devices),
  scored: 'all' as const,
});

/** `choose` gives the experts of a token, which is a decode step. */
function traceOf(shape: { moeLayers: number; experts: number; topK: number }, steps: number, choose: () => number[]) {
  const builder = new RoutingTraceBuilder(shape);
  for (let step = 0; step < steps; step++) {
    const ids = Array.from({ length: shape.moeLayers }, choose).flat();
    builder.appendStep({
      tokens: 1,
      ids: Uint16Array.from(ids),
      request: new Int32Array(1),
      position: Int32Array.of(step),
      phase: Uint8Array.of(1),
    });
  }
  return builder;
}

const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

describe('cache table', () => {
  it('adds up: layers to rows, first uses below MIN, working set as counted by hand, slots dealt to the total', async () => {
    const examples = fc.tuple(
      traces({ maxSteps: 25 }).filter((trace) => countActive(trace) > 0),
      fc.constantFrom(1, 2),
      fc.constantFrom('lru' as const, 'fifo' as const),
    );
    await fc.assert(
      fc.asyncProperty(examples, async ([trace, devices, policy]) => {
        const inForce = { policy, slots: 2, measuredMissRate: 0.5 };
        const table = await cacheTable({ ...question(trace, devices), inForce }, pace);
        const { rows, slots, scored, byLayer } = table;
        expect(rows.map((row) => row.policy)).toEqual(TABLE_POLICIES);
        expect(scored.accesses).toBe(countActive(trace));
        expect(table.workingSet).toBeCloseTo(scored.accesses / (cellsWithTokens(trace) * devices), 12);
        const min = rows.find((row) => row.policy === 'min');
        for (const misses of min?.misses ?? []) expect(misses).toBeGreaterThanOrEqual(table.coldMisses);
        for (const row of rows) {
          expect(row.misses.length).toBe(slots.length);
          expect(row.verdict.every((sentence) => sentence.endsWith('.'))).toBe(true);
          // With a slot for every expert only first uses are missed, whatever the policy.
          expect(row.misses.at(-1)).toBe(table.coldMisses);
          for (const [size, misses] of row.misses.entries()) expect(row.missRate[size]).toBe(misses / scored.accesses);
        }
        expect(byLayer.policy).toBe(policy);
        const same = rows.find((row) => row.policy === policy);
        expect(slots.map((_, size) => sum(byLayer.misses.map((layer) => layer[size] ?? 0)))).toEqual(same?.misses);

        const sets = activeSets(trace, question(trace, devices).placement);
        const caches = expertCaches(policy, sets, byLayer.allocation);
        const dealt = await replayEachSize(caches, sets, scoredSteps(trace, 'all'), pace);
        expect(byLayer.allocatedMissRate).toEqual(dealt.misses.map((misses) => misses / scored.accesses));
        const most = Math.ceil(trace.experts / devices);
        for (const [size, allocation] of byLayer.allocation.entries())
          expect(sum(allocation)).toBe(trace.moeLayers * Math.min(slots[size] ?? 0, most));
      }),
      { numRuns: 60 },
    );
  });

  it('scores the second half of the steps with new tokens, of which a prompt is none', () => {
    const builder = new RoutingTraceBuilder({ moeLayers: 1, experts: 4, topK: 1 });
    for (const phase of [[0, 0], [1], [1], [0], [0, 1], [1], [1]]) {
      const tokens = phase.length;
      const [request, position] = [new Int32Array(tokens), new Int32Array(tokens)];
      builder.appendStep({ tokens, ids: new Uint16Array(tokens), request, position, phase: Uint8Array.from(phase) });
    }
    expect([...scoredSteps(builder, 'decode-second-half')]).toEqual([0, 0, 0, 0, 1, 1, 1]);
    expect([...scoredSteps(builder, 'all')]).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  it('refuses to score what is not there', async () => {
    const builder = new RoutingTraceBuilder({ moeLayers: 1, experts: 4, topK: 1 });
    builder.appendStep({
      tokens: 1,
      ids: Uint16Array.of(2),
      request: new Int32Array(1),
      position: new Int32Array(1),
      phase: new Uint8Array(1),
    });
    await expect(cacheTable({ ...question(builder), scored: 'decode-second-half' }, pace)).rejects.toThrow(
      'score all steps',
    );
  });

  it('says of uniform random routing that nothing can be ranked by it, and not of routing that repeats itself', async () => {
    const shape = { moeLayers: 2, experts: 32, topK: 1 };
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state / 0x80000000;
    };
    const uniform = traceOf(shape, 3000, () => [Math.floor(random() * 32)]);
    const skewed = traceOf(shape, 3000, () => [Math.floor(random() ** 3 * 32)]);
    const saysNoPattern = async (trace: RoutingTrace) =>
      (await cacheTable({ ...question(trace), policies: ['lru'] }, pace)).warnings.some((text) =>
        text.includes('no pattern'),
      );
    expect(await saysNoPattern(uniform)).toBe(true);
    expect(await saysNoPattern(skewed)).toBe(false);
  });

  it('says where it is too short', async () => {
    const warnings = async (steps: number) => {
      const trace = traceOf({ moeLayers: 1, experts: 8, topK: 1 }, steps, () => [steps % 8]);
      return (await cacheTable({ ...question(trace), policies: ['lru'] }, pace)).warnings.join(' ');
    };
    expect(await warnings(5)).toContain('every size has fewer than 10');
    expect(await warnings(45)).toContain('from 5 slots on');
    expect(await warnings(100)).not.toContain('Too short');
  });

  it('lets others work in between, and ends when it is cancelled', async () => {
    const trace = traceOf({ moeLayers: 8, experts: 64, topK: 1 }, 4000, () => [Math.floor(Math.random() * 64)]);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const controller = new AbortController();
    const working = cacheTable(question(trace), new Pace(controller.signal));
    await new Promise((resolve) => setTimeout(resolve, 40));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    controller.abort();
    await expect(working).rejects.toThrow('cancelled');
  });
});

describe('verdicts', () => {
  const verdict = (misses: number, minMisses: number, coldMisses: number, policy: 'lru' | 'min' = 'lru') =>
    verdictOf(policy, { accesses: 1000, misses, minMisses, coldMisses });

  it('name the largest loss, and give all three', () => {
    expect(verdict(400, 300, 10)).toBe(
      'The size is the limit: even MIN misses 30.0% (first uses 1.0%, size 29.0%, policy 10.0%).',
    );
    expect(verdict(400, 100, 10)).toMatch(/^The policy is the limit: MIN would miss only 10\.0%/);
    expect(verdict(120, 110, 100)).toMatch(/^First uses are the limit: no cache avoids 10\.0%/);
    expect(verdict(300, 300, 10, 'min')).toMatch(/^The floor at this size: 30\.0% missed/);
    expect(verdict(290, 300, 10)).toMatch(/^Less than MIN/);
    expect(verdict(0, 0, 0)).toBe('Nothing is missed.');
  });
});

describe('slots dealt to layers', () => {
  it('give as few misses as any deal, where every curve is convex', () => {
    const convex = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 3, maxLength: 3 }).map((drops) => {
      const [a = 0, b = 0, c = 0] = drops.sort((x, y) => y - x);
      return [100, 100 - a, 100 - a - b, 100 - a - b - c];
    });
    fc.assert(
      fc.property(fc.array(convex, { minLength: 1, maxLength: 3 }), (curves) => {
        const totals = Array.from({ length: curves.length * 3 + 1 }, (_, extra) => curves.length + extra);
        const deals = allocateSlots(curves, totals);
        for (const [index, total] of totals.entries()) {
          const deal = deals[index] ?? [];
          expect(sum(deal)).toBe(total);
          expect(missesOf(curves, deal)).toBe(
            Math.min(...everyDeal(curves.length, total, 4).map((d) => missesOf(curves, d))),
          );
        }
      }),
    );
  });

  it('see past a slot that gains nothing to the many it leads to', () => {
    const cliff = [100, 100, 100, 0];
    const slope = [100, 90, 80, 70];
    expect(allocateSlots([cliff, slope], [5, 8, 100])).toEqual([
      [4, 1],
      [4, 4],
      [4, 4],
    ]);
  });
});

function missesOf(curves: readonly (readonly number[])[], deal: readonly number[]): number {
  return sum(curves.map((curve, layer) => curve[(deal[layer] ?? 0) - 1] ?? 0));
}

function everyDeal(layers: number, total: number, most: number): number[][] {
  if (layers === 0) return total === 0 ? [[]] : [];
  return Array.from({ length: Math.min(most, total) }, (_, index) => index + 1).flatMap((first) =>
    everyDeal(layers - 1, total - first, most).map((rest) => [first, ...rest]),
  );
}

function countActive(trace: RoutingTrace): number {
  return activeCounts(trace).reduce((a, b) => a + b, 0);
}

const cellsWithTokens = (trace: RoutingTrace) => activeCounts(trace).filter((count) => count > 0).length;

function activeCounts(trace: RoutingTrace): number[] {
  return Array.from({ length: trace.steps * trace.moeLayers }, (_, cell) => {
    return activeOf(trace, Math.floor(cell / trace.moeLayers), cell % trace.moeLayers).length;
  });
}
