import type { Tensor } from 'onnxruntime-node';
import type { WeightPrecision } from '../../checkpoint/block_quantise.ts';
import { crossAttentions, decoderOf, encoderOf, type ModelSpec, type StackSpec } from '../../families/spec.ts';
import { crossKeysGraph } from '../../graph/cross_keys.ts';
import { headGraph } from '../../graph/head.ts';
import { layerGraph } from '../../graph/layer.ts';
import { WebGpuGraphBuilder } from '../../graph/webgpu_builder.ts';
import type { WeightedGraph } from '../../graph/weight_blob.ts';
import type { TokenRows } from '../../rank/layer_input.ts';
import type { MemoryLedger } from '../../rank/ledger.ts';
import type { TokenGroup } from '../../rank/token_groups.ts';
import type { DenseDevice, Hidden, LayerOutput } from '../device.ts';
import type { WeightStaging } from '../weights.ts';
import { deviceTensor } from './hidden.ts';
import type { WebGpuMemory } from './memory.ts';
import { WebGpuSession } from './session.ts';
import { baseRows, rowIndex } from './token_index.ts';
import { dispose, uploadWeights, type Weights } from './weights.ts';

type Stack = StackSpec['kind'];

/** A graph that other parts of the model may share, and this part's weights. */
interface Part {
  readonly session: WebGpuSession;
  readonly weights: Weights;
}

/** The dense part on a WebGPU device. Layers of one shape share a session; their weights are buffers that it is fed. */
export class WebGpuDense implements DenseDevice {
  private readonly sessions = new Map<string, Promise<WebGpuSession>>();
  private readonly layers: Record<Stack, Part[]> = { encoder: [], decoder: [] };
  private head: Part | undefined;
  private crossKeys: Part | undefined;
  private attentionBytes = 0;
  private otherBytes = 0;

  private constructor(
    private readonly spec: ModelSpec,
    private readonly ledger: MemoryLedger,
    private readonly memory: WebGpuMemory,
  ) {}

  static async open(
    spec: ModelSpec,
    staging: WeightStaging,
    ledger: MemoryLedger,
    memory: WebGpuMemory,
    precision: WeightPrecision,
  ): Promise<WebGpuDense> {
    const dense = new WebGpuDense(spec, ledger, memory);
    const { hiddenSize } = spec;
    for (const { kind, layers } of spec.stacks) {
      for (const [index, layer] of layers.entries()) {
        const builder = new WebGpuGraphBuilder();
        const graph = layerGraph(layer, hiddenSize, kind === 'decoder', precision, builder);
        dense.enter(graph.attentionBytes, graph.bytes - graph.attentionBytes);
        dense.layers[kind].push(await dense.open(`${kind} layer ${index}`, staging, builder, graph, ['router_logits']));
      }
    }
    const encoder = encoderOf(spec);
    if (encoder !== undefined) {
      const builder = new WebGpuGraphBuilder();
      const graph = crossKeysGraph(crossAttentions(spec), encoder.finalNorm, hiddenSize, precision, builder);
      dense.enter(graph.bytes, 0);
      dense.crossKeys = await dense.open('keys of the source', staging, builder, graph);
    }
    const builder = new WebGpuGraphBuilder();
    const graph = headGraph(spec, decoderOf(spec).finalNorm, precision, builder);
    dense.enter(0, graph.bytes);
    dense.head = await dense.open('head', staging, builder, graph, ['logits']);
    return dense;
  }

  take(states: Float32Array, batch: number, length: number): Promise<Hidden> {
    return this.memory.upload('float32', states, [batch, length, this.spec.hiddenSize]);
  }

  async runLayer(
    stack: Stack,
    layer: number,
    x: Hidden,
    _: TokenGroup,
    feeds: Record<string, Tensor>,
  ): Promise<LayerOutput> {
    const { session, weights } = this.layers[stack][layer] as Part;
    const input = deviceTensor(x);
    const output = await session.run({ ...weights, ...feeds, x: input });
    input.dispose();
    return {
      h: output.h as Tensor,
      ...(output.normed && { normed: output.normed }),
      ...(output.router_logits && { routerLogits: output.router_logits.data as Float32Array }),
      ...(output.new_key && { newKey: output.new_key }),
      ...(output.new_value && { newValue: output.new_value }),
    };
  }

  async runCrossKeys(states: Hidden): Promise<{ key: Hidden; value: Hidden }[]> {
    if (this.crossKeys === undefined) throw new Error('the model has no encoder');
    const { session, weights } = this.crossKeys;
    const x = deviceTensor(states);
    const output = await session.run({ ...weights, x });
    x.dispose();
    return crossAttentions(this.spec).map((_, index) => ({
      key: output[`key_${index}`] as Tensor,
      value: output[`value_${index}`] as Tensor,
    }));
  }

  async runHead(states: readonly Hidden[], rows: TokenRows, wanted: readonly number[]): Promise<Float32Array> {
    if (this.head === undefined) throw new Error('the head is not open');
    const groups = states.map(deviceTensor);
    try {
      if (wanted.length === 0) return new Float32Array(0);
      const { session, weights } = this.head;
      const all = await this.memory.stack(groups, this.spec.hiddenSize);
      const x = await this.memory.gather(all, rowIndex(rows, baseRows(groups), wanted));
      all.dispose();
      const { logits } = await session.run({ ...weights, x });
      x.dispose();
      return logits?.data as Float32Array;
    } finally {
      for (const group of groups) group.dispose();
    }
  }

  async close(): Promise<void> {
    const parts = [...this.layers.encoder.splice(0), ...this.layers.decoder.splice(0), this.head, this.crossKeys];
    for (const part of parts) if (part !== undefined) dispose(part.weights);
    this.head = undefined;
    this.crossKeys = undefined;
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
    this.ledger.remove('attention', this.attentionBytes);
    this.ledger.remove('otherDense', this.otherBytes);
  }

  private enter(attentionBytes: number, otherBytes: number): void {
    this.ledger.add('attention', attentionBytes);
    this.ledger.add('otherDense', otherBytes);
    this.attentionBytes += attentionBytes;
    this.otherBytes += otherBytes;
  }

  private async open(
    name: string,
    staging: WeightStaging,
    builder: WebGpuGraphBuilder,
    graph: WeightedGraph,
    back: readonly string[] = [],
  ): Promise<Part> {
    const key = Buffer.from(graph.model).toString('latin1');
    const { meter } = this.memory;
    const session = this.sessions.get(key) ?? WebGpuSession.create(name, builder, graph.model, { meter, back });
    this.sessions.set(key, session);
    // Refused before anything is sent.
    const opened = await session;
    return { session: opened, weights: await uploadWeights(this.memory, builder, staging.gather(graph)) };
  }
}
