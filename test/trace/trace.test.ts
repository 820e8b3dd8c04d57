import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { ActiveScan, MISSING, RoutingTraceBuilder, type TraceStep } from '../../engine/trace/trace.ts';
import { activeOf, traces } from './examples.ts';

function step(tokens: number, ids: readonly number[]): TraceStep {
  return {
    tokens,
    ids: Uint16Array.from(ids),
    request: new Int32Array(tokens),
    position: new Int32Array(tokens),
    phase: new Uint8Array(tokens),
  };
}

describe('trace builder', () => {
  it('refuses an id out of range and names step, layer and token; what it had stays', () => {
    const shape = { moeLayers: 3, experts: 8, topK: 2 };
    fc.assert(
      fc.property(
        fc.nat(3),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        fc.integer({ min: 8, max: MISSING - 1 }),
        (before, tokens, place, id) => {
          const builder = new RoutingTraceBuilder(shape);
          for (let i = 0; i < before; i++) builder.appendStep(step(1, [0, 1, 2, 3, 4, MISSING]));
          const ids = new Array<number>(3 * tokens * 2).fill(7);
          const layer = place % 3;
          const token = Math.floor(place / 3) % tokens;
          ids[(layer * tokens + token) * 2 + (place % 2)] = id;
          const append = () => builder.appendStep(step(tokens, ids));
          expect(append).toThrow(EngineRefusal);
          expect(append).toThrow(`step ${before}, layer ${layer}, token ${token} names expert ${id} of 8`);
          expect([builder.steps, builder.tokens]).toEqual([before, before]);
        },
      ),
    );
  });

  it('refuses a step with ids too few or too many', () => {
    const builder = new RoutingTraceBuilder({ moeLayers: 2, experts: 8, topK: 2 });
    expect(() => builder.appendStep(step(1, [1, 2, 3]))).toThrow('step 0 has 3 expert ids where 4 were expected');
    expect(() => builder.appendStep(step(1, [1, 2, 3, 4, 5]))).toThrow(EngineRefusal);
    expect(() => builder.step(0)).toThrow(RangeError);
  });

  it('counts tokens and keeps steps as they were given', () => {
    const builder = new RoutingTraceBuilder({ moeLayers: 1, experts: 4, topK: 1 });
    const given = [step(2, [3, 0]), step(1, [MISSING])];
    for (const one of given) builder.appendStep(one);
    expect([builder.steps, builder.tokens, builder.stepTokens(0)]).toEqual([2, 3, 2]);
    expect([builder.step(0), builder.step(1)]).toEqual(given);
  });
});

describe('active scan', () => {
  it('is the sorted set of the experts, again and again', () => {
    fc.assert(
      fc.property(traces(), (trace) => {
        const scan = new ActiveScan(trace.experts);
        for (let s = 0; s < trace.steps; s++) {
          for (let layer = 0; layer < trace.moeLayers; layer++) {
            const count = scan.scan(trace, s, layer);
            expect(Array.from(scan.ids.subarray(0, count))).toEqual(activeOf(trace, s, layer));
          }
        }
      }),
    );
  });
});
