import type { Tensor } from 'onnxruntime-node';
import type { WeightPrecision } from '../../checkpoint/block_quantise.ts';
import { crossAttentions, decoderOf, encoderOf, type ModelSpec, type StackSpec } from '../../families/spec.ts';
import { crossKeysGraph } from '../../graph/cross_keys.ts';
import { headGraph } from '../../graph/head.ts';
import { layerGraph } from '../../graph/layer.ts';
import type { WeightedGraph } from '../../graph/weight_blob.ts';
import { choiceBiasBytes } from '../../rank/choice_bias.ts';
import type { TokenRows } from '../../rank/layer_input.ts';
import type { MemoryLedger } from '../../rank/ledger.ts';
import type { TokenGroup } from '../../rank/token_groups.ts';
import { type DenseDevice, type Hidden, hostFloats, type LayerOutput } from '../device.ts';
import { floats } from '../tensors.ts';
import type { WeightStaging } from '../weights.ts';
import type { HostSession, MakeSession, NewBuilder } from './session.ts';

type Stack = StackSpec['kind'];

/** The dense part on a CPU device: a prepacked session a layer. */
export class CpuDense implements DenseDevice {
  private readonly layers: Record<Stack, HostSession[]> = { encoder: [], decoder: [] };
  private head: HostSession | undefined;
  private crossKeys: HostSession | undefined;
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
    make: MakeSession,
    precision: WeightPrecision,
    newBuilder: NewBuilder,
  ): Promise<CpuDense> {
    const dense = new CpuDense(spec, ledger);
    const create = (graph: WeightedGraph) => make(graph, staging.gather(graph));
    for (const { kind, layers } of spec.stacks) {
      for (const layer of layers) {
        const graph = layerGraph(layer, spec.hiddenSize, kind === 'decoder', precision, newBuilder());
        dense.enter(graph.attentionBytes, graph.bytes - graph.attentionBytes);
        dense.layers[kind].push(await create(graph));
      }
    }
    const encoder = encoderOf(spec);
    if (encoder !== undefined) {
      const graph = crossKeysGraph(crossAttentions(spec), encoder.finalNorm, spec.hiddenSize, precision, newBuilder());
      dense.enter(graph.bytes, 0);
      dense.crossKeys = await create(graph);
    }
    const graph = headGraph(spec, decoderOf(spec).finalNorm, precision, newBuilder());
    dense.enter(0, graph.bytes);
    dense.head = await create(graph);
    return dense;
  }

  take(states: Float32Array): Hidden {
    return states;
  }

  async runLayer(
    stack: Stack,
    layer: number,
    x: Hidden,
    { batch, length }: TokenGroup,
    feeds: Record<string, Tensor>,
  ): Promise<LayerOutput> {
    const input = floats(hostFloats(x), [batch, length, this.spec.hiddenSize]);
    const output = await (this.layers[stack][layer] as HostSession).run({ ...feeds, x: input });
    return {
      h: output('h'),
      normed: output('normed'),
      routerLogits: output('router_logits'),
      newKey: output('new_key'),
      newValue: output('new_value'),
    };
  }

  async runCrossKeys(
    states: Hidden,
    batch: number,
    length: number,
  ): Promise<{ key: Float32Array; value: Float32Array }[]> {
    if (this.crossKeys === undefined) throw new Error('the model has no encoder');
    const x = floats(hostFloats(states), [batch, length, this.spec.hiddenSize]);
    const output = await this.crossKeys.run({ x });
    return crossAttentions(this.spec).map((_, index) => ({
      key: output(`key_${index}`),
      value: output(`value_${index}`),
    }));
  }

  async runHead(states: readonly Hidden[], rows: TokenRows, wanted: readonly number[]): Promise<Float32Array> {
    if (this.head === undefined) throw new Error('the head is not open');
    if (wanted.length === 0) return new Float32Array(0);
    const { hiddenSize } = this.spec;
    const input = new Float32Array(wanted.length * hiddenSize);
    for (const [at, token] of wanted.entries()) {
      const from = (rows.at[token] as number) * hiddenSize;
      const state = hostFloats(states[rows.group[token] as number] as Hidden);
      input.set(state.subarray(from, from + hiddenSize), at * hiddenSize);
    }
    const output = await this.head.run({ x: floats(input, [wanted.length, hiddenSize]) });
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

/**
 * Bytes of the dense part on a CPU device, by ledger line; tables of relative positions and biases of choice, which the
 * rank reads itself, included. They are those of the very graphs that would be opened, so that a plan and the ledger cannot differ.
 */
export function denseBytes(
  spec: ModelSpec,
  precision: WeightPrecision,
): { readonly attention: number; readonly otherDense: number } {
  const { hiddenSize } = spec;
  let attention = 0;
  let otherDense = headGraph(spec, decoderOf(spec).finalNorm, precision).bytes;
  for (const { kind, layers, finalNorm } of spec.stacks) {
    for (const layer of layers) {
      const graph = layerGraph(layer, hiddenSize, kind === 'decoder', precision);
      attention += graph.attentionBytes;
      otherDense += graph.bytes - graph.attentionBytes;
    }
    const first = layers[0]?.attention;
    if (first?.positions.kind === 'relative-buckets') attention += first.positions.buckets * first.heads * 4;
    if (kind === 'encoder') attention += crossKeysGraph(crossAttentions(spec), finalNorm, hiddenSize, precision).bytes;
  }
  return { attention, otherDense: otherDense + choiceBiasBytes(spec) };
}
