import type { Tensor } from 'onnxruntime-node';
import type { LayerSpec, ModelSpec, StackSpec } from '../families/spec.ts';
import { attentionFloats, attentionGraph } from '../graph/attention.ts';
import { headGraph } from '../graph/head.ts';
import type { MemoryLedger } from '../rank/ledger.ts';
import { CpuSession, floats, type RuntimeMeter } from './cpu_session.ts';
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
  private readonly attention: CpuSession[] = [];
  private head: CpuSession | undefined;
  private attentionBytes = 0;
  private otherBytes = 0;

  private constructor(
    private readonly spec: ModelSpec,
    private readonly ledger: MemoryLedger,
  ) {}

  static async open(
    spec: ModelSpec,
    staging: WeightStaging,
    ledger: MemoryLedger,
    meter: RuntimeMeter,
  ): Promise<CpuDense> {
    const dense = new CpuDense(spec, ledger);
    const stack = spec.stacks[spec.stacks.length - 1] as StackSpec;
    for (const layer of stack.layers) {
      const { attention, router } = attentionFloats(layer, spec.hiddenSize);
      dense.enter(attention * 4, router * 4);
      const graph = attentionGraph(layer, spec.hiddenSize);
      dense.attention.push(await CpuSession.create(graph, staging.gather(graph.parts), meter));
    }
    const graph = headGraph(spec, stack.finalNorm);
    dense.enter(0, graph.floats * 4);
    dense.head = await CpuSession.create(graph, staging.gather(graph.parts), meter);
    return dense;
  }

  async runAttention(layer: number, feeds: Record<string, Tensor>): Promise<AttentionOutput> {
    const output = await (this.attention[layer] as CpuSession).run(feeds);
    return {
      h: output('h'),
      normed: output('normed'),
      routerLogits: output('router_logits'),
      newKey: output('new_key'),
      newValue: output('new_value'),
    };
  }

  /** @param rows [count, hidden]; returns logits [count, vocab] */
  async runHead(rows: Float32Array, count: number): Promise<Float32Array> {
    if (this.head === undefined) throw new Error('the head is not open');
    const output = await this.head.run({ x: floats(rows, [count, this.spec.hiddenSize]) });
    return output('logits');
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
