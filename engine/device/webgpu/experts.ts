import type { Tensor } from 'onnxruntime-node';
import type { WeightPrecision } from '../../checkpoint/block_quantise.ts';
import { expertWeights, type MoeLayer } from '../../families/spec.ts';
import { expertGraph, placedExpertGraph } from '../../graph/expert.ts';
import { WebGpuGraphBuilder } from '../../graph/webgpu_builder.ts';
import type { WeightedGraph } from '../../graph/weight_blob.ts';
import type { MemoryLedger } from '../../rank/ledger.ts';
import type { ExpertStore } from '../device.ts';
import type { WeightStaging } from '../weights.ts';
import { int32s, int64Column, type WebGpuMemory } from './memory.ts';
import { type PackReader, takesPacked } from './pack_reader.ts';
import { WebGpuSession } from './session.ts';
import { dispose, uploadWeights, type Weights } from './weights.ts';

interface ExpertShape {
  readonly builder: WebGpuGraphBuilder;
  readonly graph: WeightedGraph;
  /** Read from the pack. */
  readonly packed: boolean;
  session?: Promise<WebGpuSession>;
}

/**
 * Resident experts of a WebGPU device: buffers that are fed to one graph a shape. The upload is the load, disposing of the buffers the
 * eviction. Experts are queued, not waited for: what is loaded after them is read, converted and sent while they run.
 */
export class WebGpuExperts implements ExpertStore {
  private readonly resident: (Weights | undefined)[];
  private readonly shapes = new Map<number, ExpertShape>();

  constructor(
    private readonly layers: readonly MoeLayer[],
    private readonly hidden: number,
    private readonly staging: WeightStaging,
    private readonly ledger: MemoryLedger,
    private readonly memory: WebGpuMemory,
    private readonly precision: WeightPrecision,
    private readonly pack?: PackReader,
  ) {
    const [first] = layers;
    this.resident = new Array(first === undefined ? 0 : layers.length * first.feedForward.experts).fill(undefined);
  }

  bytesPerExpert(layer: number): number {
    return this.shapeOf(layer).graph.bytes;
  }

  async load(layer: number, expert: number): Promise<void> {
    const { feedForward } = this.layers[layer] as MoeLayer;
    const { builder, graph, packed } = this.shapeOf(layer);
    const blob = packed
      ? (this.pack as PackReader).read(layer, expert, graph.blobBytes)
      : this.staging.gather(graph, expertWeights(feedForward.expert(expert)));
    this.ledger.add('experts', this.bytesPerExpert(layer));
    this.resident[this.index(layer, expert)] = await uploadWeights(this.memory, builder, blob);
  }

  async evict(layer: number, expert: number): Promise<void> {
    dispose(this.weightsOf(layer, expert));
    this.resident[this.index(layer, expert)] = undefined;
    this.ledger.remove('experts', this.bytesPerExpert(layer));
  }

  /**
   * out[to[i]] = FFN(rows[from[i]]), queued.
   * @param rows [r, hidden] @param out [m, hidden], written in place
   */
  async run(layer: number, expert: number, rows: Tensor, from: Int32Array, out: Tensor, to: Int32Array): Promise<void> {
    const weights = this.weightsOf(layer, expert);
    const shape = this.shapeOf(layer);
    shape.session ??= WebGpuSession.create(`experts of layer ${layer}`, shape.builder, shape.graph.model, {
      meter: this.memory.meter,
      inPlace: true,
    });
    const session = await shape.session;
    await session.runInPlace({ ...weights, rows, from: int32s(from), out, to: int64Column(to) }, 'written', out);
  }

  async close(): Promise<void> {
    for (const { session } of this.shapes.values()) await (await session)?.release();
    this.shapes.clear();
  }

  private weightsOf(layer: number, expert: number): Weights {
    const weights = this.resident[this.index(layer, expert)];
    if (weights === undefined) throw new Error(`expert ${expert} of layer ${layer} is not resident`);
    return weights;
  }

  private index(layer: number, expert: number): number {
    return layer * (this.layers[layer] as MoeLayer).feedForward.experts + expert;
  }

  /** Experts of one model and width share one graph: only their weights differ. */
  private shapeOf(layer: number): ExpertShape {
    const { feedForward } = this.layers[layer] as MoeLayer;
    let shape = this.shapes.get(feedForward.width);
    if (shape === undefined) {
      const builder = new WebGpuGraphBuilder();
      const of = [feedForward.expert(0), this.hidden, feedForward.width, this.precision] as const;
      const graph = placedExpertGraph(...of, builder);
      const packed = this.pack !== undefined && takesPacked(graph, expertGraph(...of));
      shape = { builder, graph, packed };
      this.shapes.set(feedForward.width, shape);
    }
    return shape;
  }
}
