import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { EngineRefusal } from '../../api.ts';
import type { GraphBuilder } from '../../graph/onnx.ts';
import type { RuntimeMeter } from '../tensors.ts';
import { giveCard, takeCard } from './one_thread.ts';

/**
 * Graphs are written with their nodes already fused, so the optimiser stays off; and every node runs on the device or the session is
 * refused: a node on the processor would pull its inputs through the bus in every call, and nobody would see it.
 */
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['webgpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  graphOptimizationLevel: 'disabled',
  // Refusals are told by us, with the node's name.
  logSeverityLevel: 4,
  extra: { session: { disable_cpu_ep_fallback: '1' } },
};

export type Feeds = Readonly<Record<string, Tensor>>;

export interface SessionParts {
  readonly meter: RuntimeMeter;
  /** Outputs that come back into this process's memory. */
  readonly back?: readonly string[];
  /** The graph's only output is written over an input, see `runInPlace`. */
  readonly inPlace?: boolean;
}

/** A graph on the device. Outputs stay there, but for those that were named to come back. */
export class WebGpuSession {
  private constructor(
    private readonly session: InferenceSession,
    private readonly meter: RuntimeMeter,
  ) {}

  /**
   * @param name of the graph, for people
   * @throws EngineRefusal where a node does not run on the device, or another thread has it
   */
  static async create(
    name: string,
    builder: GraphBuilder,
    model: Uint8Array,
    { meter, back = [], inPlace = false }: SessionParts,
  ): Promise<WebGpuSession> {
    const location = builder.outputNames.map(
      (output) => [output, back.includes(output) ? 'cpu' : 'gpu-buffer'] as const,
    );
    // With a preferred location ONNX Runtime makes an output of its own and leaves the one that it is given untouched.
    const options = inPlace ? OPTIONS : { ...OPTIONS, preferredOutputLocation: Object.fromEntries(location) };
    const begun = performance.now();
    takeCard();
    try {
      const session = await InferenceSession.create(model, options);
      meter.ms += performance.now() - begun;
      return new WebGpuSession(session, meter);
    } catch (error) {
      const why = isFallback(error) ? await refusal(name, builder) : error;
      giveCard();
      throw why;
    }
  }

  /** Returns when the work is queued, or, where an output comes back, when it is done. */
  async run(feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> {
    const begun = performance.now();
    const outputs = await this.session.run(feeds);
    this.meter.ms += performance.now() - begun;
    return outputs as Readonly<Record<string, Tensor>>;
  }

  /** Queues the work; the output is written over `target`, which is also an input. */
  async runInPlace(feeds: Feeds, output: string, target: Tensor): Promise<void> {
    const begun = performance.now();
    await this.session.run(feeds, { [output]: target });
    this.meter.ms += performance.now() - begun;
  }

  async release(): Promise<void> {
    await this.session.release();
    giveCard();
  }
}

function isFallback(error: unknown): boolean {
  return error instanceof Error && error.message.includes('assigned to the default CPU EP');
}

/** Names the first node that the device does not run, by asking for ever longer beginnings of the graph. */
async function refusal(name: string, builder: GraphBuilder): Promise<EngineRefusal> {
  for (let nodes = 1; nodes <= builder.nodeCount; nodes++) {
    try {
      const session = await InferenceSession.create(builder.finish(nodes), OPTIONS);
      await session.release();
    } catch {
      return new EngineRefusal(
        `${name}: node ${builder.nodeName(nodes - 1)} does not run on WebGPU; choose a CPU device for this model.`,
      );
    }
  }
  return new EngineRefusal(`${name}: it does not run on WebGPU as a whole; choose a CPU device for this model.`);
}
