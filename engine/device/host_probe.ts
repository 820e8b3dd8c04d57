import type { ExpertSpec } from '../families/spec.ts';
import { expertGraph } from '../graph/expert.ts';
import { cpuSessions, type HostSession } from './cpu/session.ts';
import { floats } from './tensors.ts';

/** An expert of a middling model in float32, 16 MiB; eight of them do not fit into a processor's caches. */
const HIDDEN = 1024;
const WIDTH = 1365;
const EXPERTS = 8;
const EXPERT: ExpertSpec = { kind: 'swiglu', gate: { tensor: 'g' }, up: { tensor: 'u' }, down: { tensor: 'd' } };
const MEASURE_MS = 300;

/**
 * How fast a thread of this processor computes rows of experts one at a time, as bytes of weights a second: one row reads all of them,
 * and reading them is what it costs. Of the fastest round, as links are measured (link_probe.ts). More rows of an expert at once cost less
 * each, so that this is the most that a row costs.
 */
export async function measureHostRow(): Promise<number> {
  const graph = expertGraph(EXPERT, HIDDEN, WIDTH, 'fp32');
  const make = cpuSessions({ ms: 0 });
  const weights = new Uint8Array(graph.blobBytes);
  const experts: HostSession[] = [];
  for (let i = 0; i < EXPERTS; i++) experts.push(await make(graph, weights));
  const x = floats(new Float32Array(HIDDEN).fill(1), [1, HIDDEN]);
  const round = async () => {
    const begunMs = performance.now();
    for (const expert of experts) await expert.run({ x });
    return performance.now() - begunMs;
  };
  await round();
  const endMs = performance.now() + MEASURE_MS;
  let fastestMs = await round();
  while (performance.now() < endMs) fastestMs = Math.min(fastestMs, await round());
  for (const expert of experts) await expert.release();
  return (EXPERTS * graph.bytes * 1000) / fastestMs;
}
