import fc from 'fast-check';
import {
  MISSING,
  type RoutingTrace,
  RoutingTraceBuilder,
  type TraceShape,
  type TraceStep,
} from '../../engine/trace/trace.ts';

const shapes: fc.Arbitrary<TraceShape> = fc
  .record({
    moeLayers: fc.integer({ min: 1, max: 3 }),
    experts: fc.integer({ min: 1, max: 10 }),
    topK: fc.integer({ min: 1, max: 3 }),
  })
  .map((shape) => ({ ...shape, topK: Math.min(shape.topK, shape.experts) }));

export interface TraceOptions {
  readonly maxSteps?: number;
  readonly weights?: boolean;
}

/** Traces in which tokens have distinct experts, some choices are dropped, and some layers are not recorded. */
export function traces({ maxSteps = 12, weights = false }: TraceOptions = {}): fc.Arbitrary<RoutingTrace> {
  return shapes.chain((shape) =>
    fc.array(steps(shape, weights), { maxLength: maxSteps }).map((list) => {
      const builder = new RoutingTraceBuilder(shape);
      for (const step of list) builder.appendStep(step);
      return builder;
    }),
  );
}

function steps({ moeLayers, experts, topK }: TraceShape, weighted: boolean): fc.Arbitrary<TraceStep> {
  const all = Array.from({ length: experts }, (_, expert) => expert);
  const choice = fc.shuffledSubarray(all, { minLength: topK, maxLength: topK });
  const cell = fc.oneof(
    { weight: 8, arbitrary: choice },
    { weight: 1, arbitrary: choice.map(([, ...rest]) => [MISSING, ...rest]) },
    { weight: 1, arbitrary: fc.constant(new Array<number>(topK).fill(MISSING)) },
  );
  return fc.integer({ min: 1, max: 4 }).chain((tokens) =>
    fc
      .record({
        cells: fc.array(cell, { minLength: moeLayers * tokens, maxLength: moeLayers * tokens }),
        weights: fc.array(fc.float({ min: 0, max: 1, noNaN: true }), {
          minLength: moeLayers * tokens * topK,
          maxLength: moeLayers * tokens * topK,
        }),
        request: fc.array(fc.nat(1000), { minLength: tokens, maxLength: tokens }),
        position: fc.array(fc.nat(5000), { minLength: tokens, maxLength: tokens }),
        phase: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: tokens, maxLength: tokens }),
      })
      .map(({ cells, weights, request, position, phase }): TraceStep => {
        const recorded = cells.flatMap((ids) => ids.map(() => !ids.every((id) => id === MISSING)));
        return {
          tokens,
          ids: Uint16Array.from(cells.flat()),
          ...(weighted && {
            weights: Float32Array.from(weights, (weight, at) => (recorded[at] ? Math.abs(weight) : 0)),
          }),
          request: Int32Array.from(request),
          position: Int32Array.from(position),
          phase: Uint8Array.from(phase),
        };
      }),
  );
}

export function stepsOf(trace: RoutingTrace): TraceStep[] {
  return Array.from({ length: trace.steps }, (_, step) => trace.step(step));
}

/** Experts of a layer of a step, ascending, without the missing. */
export function activeOf(trace: RoutingTrace, step: number, layer: number): number[] {
  const { ids, tokens } = trace.step(step);
  const pairs = tokens * trace.topK;
  const chosen = new Set(Array.from(ids.subarray(layer * pairs, (layer + 1) * pairs)));
  chosen.delete(MISSING);
  return [...chosen].sort((a, b) => a - b);
}
