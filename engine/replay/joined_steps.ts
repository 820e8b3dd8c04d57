import { type RoutingTrace, RoutingTraceBuilder, type TraceStep } from '../trace/trace.ts';

const DECODE = 1;

/** Whether every decode step has one token: a source without batches of its own. */
export function isUnbatched(trace: RoutingTrace): boolean {
  for (let step = 0; step < trace.steps; step++) {
    if (isDecode(trace.step(step)) && trace.stepTokens(step) > 1) return false;
  }
  return true;
}

/**
 * Consecutive decode steps joined until they hold at least `batchTokens` tokens: what a source that decodes one token a pass
 * would show had it run so many together. A rest that is too short is left out: its shares would be coarser than the others'. Gate
 * weights are not kept.
 * @param prompts what becomes of steps with prompt tokens; where they are kept, no step is joined over one
 */
export function joinDecodeSteps(
  trace: RoutingTrace,
  batchTokens: number,
  { prompts }: { readonly prompts: 'left out' | 'kept' } = { prompts: 'left out' },
): RoutingTrace {
  const joined = new RoutingTraceBuilder(trace);
  let waiting: TraceStep[] = [];
  let tokens = 0;
  for (let at = 0; at < trace.steps; at++) {
    const step = trace.step(at);
    if (!isDecode(step)) {
      if (prompts === 'left out') continue;
      joined.appendStep(join([step], step.tokens, trace));
      waiting = [];
      tokens = 0;
      continue;
    }
    waiting.push(step);
    tokens += step.tokens;
    if (tokens < batchTokens) continue;
    joined.appendStep(join(waiting, tokens, trace));
    waiting = [];
    tokens = 0;
  }
  return joined;
}

function isDecode({ tokens, phase }: TraceStep): boolean {
  return tokens > 0 && phase.every((value) => value === DECODE);
}

function join(steps: readonly TraceStep[], tokens: number, { moeLayers, topK }: RoutingTrace): TraceStep {
  const ids = new Uint16Array(moeLayers * tokens * topK);
  const request = new Int32Array(tokens);
  const position = new Int32Array(tokens);
  const phase = new Uint8Array(tokens);
  let first = 0;
  for (const step of steps) {
    const width = step.tokens * topK;
    for (let layer = 0; layer < moeLayers; layer++) {
      ids.set(step.ids.subarray(layer * width, (layer + 1) * width), (layer * tokens + first) * topK);
    }
    request.set(step.request, first);
    position.set(step.position, first);
    phase.set(step.phase, first);
    first += step.tokens;
  }
  return { tokens, ids, request, position, phase };
}
