import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { GraphBuilder } from '../../graph/onnx.ts';
import { BLOB, type WeightedGraph } from '../../graph/weight_blob.ts';
import type { RuntimeMeter } from '../tensors.ts';

/**
 * One thread, no arena, no pattern, no optimiser: a session costs its weights and nothing else. Rank threads are the parallelism. (Arena and thread pool per expert session would hold more than the expert.)
 */
export const HOST_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  enableMemPattern: false,
  graphOptimizationLevel: 'disabled',
  logSeverityLevel: 3,
};

/**
 * Makes a session of a graph on one device: its inputs and outputs lie in this process's memory, its weights where the provider computes.
 * @param weights the graph's external data; copied, so the buffer may be used again
 * @param folder of the files in which the graph's other weights lie: they are mapped, and large float32 ones used there
 */
export type MakeSession = (graph: WeightedGraph, weights: Uint8Array, folder?: string) => Promise<HostSession>;

/** What graphs for these sessions are written with. */
export type NewBuilder = () => GraphBuilder;

/** Sessions on this machine's processor. */
export function cpuSessions(meter: RuntimeMeter, threads = 1): MakeSession {
  const options = threads === 1 ? HOST_OPTIONS : { ...HOST_OPTIONS, intraOpNumThreads: threads, extra: HELPED };
  return (graph, weights, folder) => HostSession.create(graph, weights, meter, options, folder);
}

/** Helping threads sleep between products: while they spun they would take the processor from the ranks that wake next. */
const HELPED = { session: { intra_op: { allow_spinning: '0' } } };

/** A session and the meter of its rank. Graphs are written with their nodes already fused, so the optimiser stays off. */
export class HostSession {
  private constructor(
    private readonly session: InferenceSession,
    private readonly meter: RuntimeMeter,
  ) {}

  /** See `MakeSession`. @param provider options of the provider that it runs on */
  static async create(
    graph: WeightedGraph,
    weights: Uint8Array,
    meter: RuntimeMeter,
    provider: InferenceSession.SessionOptions,
    folder?: string,
  ): Promise<HostSession> {
    // No bytes at all are refused, so a graph without weights comes without them.
    const external = weights.length === 0 ? {} : { externalData: [{ path: BLOB, data: weights }] };
    const begun = performance.now();
    const session = await InferenceSession.create(graph.model, {
      ...provider,
      ...external,
      extra: { session: { ...(provider.extra?.session as object), ...configOf(graph, folder) } },
    });
    meter.ms += performance.now() - begun;
    return new HostSession(session, meter);
  }

  /** Runs on this thread to the end; outputs are float32 arrays in memory of their own. */
  async run(feeds: Record<string, Tensor>): Promise<(output: string) => Float32Array> {
    const begun = performance.now();
    const outputs = await this.session.run(feeds);
    this.meter.ms += performance.now() - begun;
    return (name) => outputs[name]?.data as Float32Array;
  }

  async release(): Promise<void> {
    const begun = performance.now();
    await this.session.release();
    this.meter.ms += performance.now() - begun;
  }
}

const configOf = ({ inPlace }: WeightedGraph, folder: string | undefined): Record<string, string> => ({
  ...(inPlace && { disable_prepacking: '1' }),
  // Under this key ONNX Runtime looks for external data of a model that is no file itself.
  ...(folder !== undefined && { model_external_initializers_file_folder_path: folder }),
});
