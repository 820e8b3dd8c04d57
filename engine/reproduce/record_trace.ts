import type { MoeLayer } from '../families/spec.ts';
import type { RowPlan, StepResult } from '../rank/messages.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../trace/trace.ts';
import type { Trial } from './trial.ts';

const DECODE = 1;

/** Runs steps and keeps what the routers of one stack chose in them. */
export async function recordTrace(
  trial: Trial,
  stack: MoeLayer['stack'],
  steps: readonly (readonly RowPlan[])[],
): Promise<RoutingTrace> {
  const layers = trial.moe.filter((layer) => layer.stack === stack);
  const { experts, rule } = (layers[0] as MoeLayer).feedForward;
  const trace = new RoutingTraceBuilder({ moeLayers: layers.length, experts, topK: rule.topK });
  for (const rows of steps) {
    const result = await trial.step(rows);
    const own = rows.flatMap((row, index) => {
      const tokens = stack === 'encoder' ? (row.source as Int32Array) : row.tokens;
      return Array.from(tokens, (_, at) => ({ request: index, position: row.position + at }));
    });
    // Sources stand before the rows' own tokens in a result.
    const from = stack === 'encoder' ? 0 : result.tokens - own.length;
    trace.appendStep({
      tokens: own.length,
      ids: stackIds(result, layers, trial.moe.length, from, own.length, rule.topK),
      request: Int32Array.from(own, ({ request }) => request),
      position: Int32Array.from(own, ({ position }) => position),
      phase: new Uint8Array(own.length).fill(DECODE),
    });
  }
  return trace;
}

/** [layers of the stack, tokens, topK] out of [all layers, all tokens, topK]. */
function stackIds(
  { ids, tokens }: StepResult,
  layers: readonly MoeLayer[],
  allLayers: number,
  from: number,
  count: number,
  topK: number,
): Uint16Array {
  if (ids.length !== allLayers * tokens * topK) throw new Error('a step of another shape');
  const out = new Uint16Array(layers.length * count * topK);
  for (const [place, { index }] of layers.entries()) {
    const at = (index * tokens + from) * topK;
    out.set(ids.subarray(at, at + count * topK), place * count * topK);
  }
  return out;
}
