import type { Tensor } from 'onnxruntime-node';
import type { GroupedAttentionSpec } from '../families/attention_spec.ts';
import { decoderOf, encoderOf, type ModelSpec, type StackSpec } from '../families/spec.ts';
import { crossKeysFloats, crossKeysGraph } from '../graph/cross_keys.ts';
import { headGraph } from '../graph/head.ts';
import { layerFloats, layerGraph } from '../graph/layer.ts';
import { linearFloats, normFloats } from '../graph/parts.ts';
import type { WeightedGraph } from '../graph/weight_blob.ts';
import type { MemoryLedger } from '../rank/ledger.ts';
import { CpuSession, floats, type RuntimeMeter } from './cpu_session.ts';
import type { WeightStaging } from './weights.ts';

type Stack = StackSpec['kind'];

export interface LayerOutput {
  /** [B, S, hidden]: after a dense layer; after attention in a MoE layer, whose experts' sum the rank adds to it in place. */
  readonly h: Float32Array;
  /** Of a MoE layer: the experts' input [B, S, hidden], and [B, S, experts]. */
  readonly normed?: Float32Array;
  readonly routerLogits?: Float32Array;
  /** Of a decoder layer [B, KH, S, keyWidth]. */
  readonly newKey?: Float32Array;
  /** [B, KH, S, valueWidth], where values are kept apart from keys. */
  readonly newValue?: Float32Array;
}

/** The dense part that every rank holds: attention, router or feed-forward of each layer, final norms and head. */
export class CpuDense {
  private readonly layers: Record<Stack, CpuSession[]> = { encoder: [], decoder: [] };
  private head: CpuSession | undefined;
  private crossKeys: CpuSession | undefined;
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
    const create = (graph: WeightedGraph) => CpuSession.create(graph, staging.gather(graph.parts), meter);
    for (const { kind, layers } of spec.stacks) {
      for (const layer of layers) {
        const { attention, otherDense } = layerFloats(layer, spec.hiddenSize);
        dense.enter(attention * 4, otherDense * 4);
        dense.layers[kind].push(await create(layerGraph(layer, spec.hiddenSize, kind === 'decoder')));
      }
    }
    const encoder = encoderOf(spec);
    if (encoder !== undefined) {
      const graph = crossKeysGraph(crossAttentions(spec), encoder.finalNorm, spec.hiddenSize);
      dense.enter(graph.floats * 4, 0);
      dense.crossKeys = await create(graph);
    }
    const graph = headGraph(spec, decoderOf(spec).finalNorm);
    dense.enter(0, graph.floats * 4);
    dense.head = await create(graph);
    return dense;
  }

  async runLayer(stack: Stack, layer: number, feeds: Record<string, Tensor>): Promise<LayerOutput> {
    const output = await (this.layers[stack][layer] as CpuSession).run(feeds);
    return {
      h: output('h'),
      normed: output('normed'),
      routerLogits: output('router_logits'),
      newKey: output('new_key'),
      newValue: output('new_value'),
    };
  }

  /**
   * Keys and values of an encoded source for each decoder layer.
   * @param state hidden states after the encoder's last layer [1, length, hidden]
   */
  async runCrossKeys(
    states: Float32Array,
    batch: number,
    length: number,
  ): Promise<{ key: Float32Array; value: Float32Array }[]> {
    if (this.crossKeys === undefined) throw new Error('the model has no encoder');
    const output = await this.crossKeys.run({ x: floats(states, [batch, length, this.spec.hiddenSize]) });
    return crossAttentions(this.spec).map((_, index) => ({
      key: output(`key_${index}`),
      value: output(`value_${index}`),
    }));
  }

  /** @param rows [count, hidden]; returns logits [count, vocab] */
  async runHead(rows: Float32Array, count: number): Promise<Float32Array> {
    if (this.head === undefined) throw new Error('the head is not open');
    const output = await this.head.run({ x: floats(rows, [count, this.spec.hiddenSize]) });
    return output('logits');
  }

  async close(): Promise<void> {
    for (const sessions of Object.values(this.layers)) {
      for (const session of sessions.splice(0)) await session.release();
    }
    await this.crossKeys?.release();
    await this.head?.release();
    this.crossKeys = undefined;
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

/** Cross-attention of every decoder layer; none in a language model. */
export function crossAttentions(spec: ModelSpec): readonly GroupedAttentionSpec[] {
  return decoderOf(spec).layers.flatMap((layer) => layer.crossAttention?.attention ?? []);
}

/** Bytes of the dense part on a CPU device, by ledger line; tables of relative positions, which the rank reads itself, included. */
export function denseBytes(spec: ModelSpec): { attention: number; otherDense: number } {
  const { hiddenSize, head } = spec;
  let attention = 0;
  let otherDense = linearFloats(head) + normFloats(decoderOf(spec).finalNorm, hiddenSize);
  for (const stack of spec.stacks) {
    for (const layer of stack.layers) {
      const parts = layerFloats(layer, hiddenSize);
      attention += parts.attention;
      otherDense += parts.otherDense;
    }
    const first = stack.layers[0]?.attention;
    if (first?.positions.kind === 'relative-buckets') attention += first.positions.buckets * first.heads;
    if (stack.kind === 'encoder') attention += crossKeysFloats(crossAttentions(spec), stack.finalNorm, hiddenSize);
  }
  return { attention: attention * 4, otherDense: otherDense * 4 };
}
