import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { BLOB, type WeightedGraph } from '../../graph/weight_blob.ts';
import type { RuntimeMeter } from '../tensors.ts';

/**
 * One thread, no arena, no pattern, no optimiser: a session costs its weights and nothing else, and loads at the speed of
 * packing them. Rank threads are the parallelism. (Arena and thread pool per expert session would hold more than the expert.)
 */
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  enableMemPattern: false,
  graphOptimizationLevel: 'disabled',
  logSeverityLevel: 3,
};

/** A session and the meter of its rank. Graphs are written with their nodes already fused, so the optimiser stays off. */
export class CpuSession {
  private constructor(
    private readonly session: InferenceSession,
    private readonly meter: RuntimeMeter,
  ) {}

  /**
   * Packs the weights into a new session; the bytes are copied, so the buffer may be used again.
   * @param folder of the files in which the graph's other weights lie: they are mapped, at a third of the price of a copy
   */
  static async create(
    graph: WeightedGraph,
    weights: Uint8Array,
    meter: RuntimeMeter,
    folder?: string,
  ): Promise<CpuSession> {
    // No bytes at all are refused, so a graph without weights comes without them.
    const external = weights.length === 0 ? {} : { externalData: [{ path: BLOB, data: weights }] };
    const begun = performance.now();
    const session = await InferenceSession.create(graph.model, {
      ...OPTIONS,
      ...external,
      ...(folder && mappedFrom(folder)),
    });
    meter.ms += performance.now() - begun;
    return new CpuSession(session, meter);
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

/** Under this key ONNX Runtime looks for external data of a model that is no file itself. */
const mappedFrom = (folder: string): InferenceSession.SessionOptions => ({
  extra: { session: { model_external_initializers_file_folder_path: folder } },
});
