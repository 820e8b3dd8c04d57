import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { LayerSpec, ModelSpec, StackSpec } from '../families/spec.ts';
import { attentionFloats, attentionGraph } from '../graph/attention.ts';
import { headGraph } from '../graph/head.ts';
import type { MemoryLedger } from '../rank/ledger.ts';
import { createCpuSession, floats } from './cpu_session.ts';
import type { WeightStaging } from './weights.ts';

export interface AttentionOutput {
  /** x + attention [B, S, hidden]; the rank adds the experts' sum to it in place. */
  readonly h: Float32Array;
  readonly normed: Float32Array;
  readonly routerLogits: Float32Array;
  readonly newKey: Float32Array;
  readonly newValue: Float32Array;
}

/** The dense part that every rank holds: attention and router of each layer, final norm and head. */
export class CpuDense {
  private readonly attention: InferenceSession[] = [];
  private head: InferenceSession | undefined;
  private attentionBytes = 0;
  private otherBytes = 0;

  private constructor(
    private readonly spec: ModelSpec,
    private readonly ledger: MemoryLedger,
  ) {}

  static async open(spec: ModelSpec, staging: WeightStaging, ledger: MemoryLedger): Promise<CpuDense> {
    const dense = new CpuDense(spec, ledger);
    const stack = spec.stacks[spec.stacks.length - 1] as StackSpec;
    for (const layer of stack.layers) {
      const { attention, router } = attentionFloats(layer, spec.hiddenSize);
      dense.enter(attention * 4, router * 4);
      const graph = attentionGraph(layer, spec.hiddenSize);
      dense.attention.push(await createCpuSession(graph, staging.gather(graph.parts)));
    }
    const graph = headGraph(spec, stack.finalNorm);
    dense.enter(0, graph.floats * 4);
    dense.head = await createCpuSession(graph, staging.gather(graph.parts));
    return dense;
  }

  async runAttention(layer: number, feeds: Record<string, Tensor>): Promise<AttentionOutput> {
    const outputs = await (this.attention[layer] as InferenceSession).run(feeds);
    const data = (name: string) => outputs[name]?.data as Float32Array;
    return {
      h: data('h'),
      normed: data('normed'),
      routerLogits: data('router_logits'),
      newKey: data('new_key'),
      newValue: data('new_value'),
    };
  }

  /** @param rows [count, hidden]; returns logits [count, vocab] */
  async runHead(rows: Float32Array, count: number): Promise<Float32Array> {
    if (this.head === undefined) throw new Error('the head is not open');
    const outputs = await this.head.run({ x: floats(rows, [count, this.spec.hiddenSize]) });
    return outputs.logits?.data as Float32Array;
  }

  async close(): Promise<void> {
    for (const session of this.attention.splice(0)) await session.release();
    await this.head?.release();
    this.head = undefined;
    this.ledger.remove('attention', this.attentionBytes);
    this.ledger.remove('otherDense', this.otherBytes);
  }

  private enter(attentionBytes: number, otherBytes: number): void {
    this.ledger.add('attention', attentionBytes);
    this.ledger.add('otherDense', otherBytes);
    this.attentionBytes += attentionBytes;
    this.otherBytes += otherBytes;
  }
}

/** Bytes of the dense part on a CPU device, by ledger line. */
export function denseBytes(spec: ModelSpec): { attention: number; otherDense: number } {
  const bytes = { attention: 0, otherDense: 0 };
  for (const stack of spec.stacks) {
    for (const layer of stack.layers as readonly LayerSpec[]) {
      const { attention, router } = attentionFloats(layer, spec.hiddenSize);
      bytes.attention += attention * 4;
      bytes.otherDense += router * 4;
    }
  }
  bytes.otherDense += (spec.hiddenSize + spec.vocabSize * spec.hiddenSize) * 4;
  return bytes;
}
