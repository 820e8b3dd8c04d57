import type { LabSubject } from '../protocol/labs.ts';
import type { TraceMeta } from '../trace/jsonl_meta.ts';
import type { RoutingTrace } from '../trace/trace.ts';

/** What a trace file says of itself; it is replayed on one device. @param name shown for it */
export function traceSubject(name: string, meta: TraceMeta, trace: RoutingTrace): LabSubject {
  return {
    source: 'trace',
    name,
    model: meta.model,
    steps: trace.steps,
    tokens: trace.tokens,
    moeLayers: Array.from({ length: meta.moeLayers }, (_, layer) => ({
      stack: 'decoder',
      block: meta.blocks?.[layer] ?? layer,
    })),
    experts: meta.experts,
    topK: meta.topK,
    devices: 1,
    routing: meta.source === 'synthetic' ? 'synthetic' : 'recorded',
  };
}
