import type { WeightPrecision } from '../../checkpoint/block_quantise.ts';
import { expertWeights, type MoeLayer } from '../../families/spec.ts';
import { expertGraph } from '../../graph/expert.ts';
import type { WeightedGraph } from '../../graph/weight_blob.ts';
import type { MemoryLedger } from '../../rank/ledger.ts';
import type { ExpertStore } from '../device.ts';
import { floats, type RuntimeMeter } from '../tensors.ts';
import type { WeightStaging } from '../weights.ts';
import { CpuSession } from './session.ts';

/** Resident experts of one CPU device: a prepacked session each. Creating the session is the load, releasing it the eviction. */
export class CpuExperts implements ExpertStore {
  private readonly sessions: (CpuSession | undefined)[];
  private readonly graphs = new Map<string, WeightedGraph>();

  constructor(
    private readonly layers: readonly MoeLayer[],
    private readonly hidden: number,
    private readonly staging: WeightStaging,
    private readonly ledger: MemoryLedger,
    private readonly meter: RuntimeMeter,
    private readonly precision: WeightPrecision,
  ) {
    const [first] = layers;
    this.sessions = new Array(first === undefined ? 0 : layers.length * first.feedForward.experts).fill(undefined);
  }

  bytesPerExpert(layer: number): number {
    return this.graphOf(layer, 0).bytes;
  }

  async load(layer: number, expert: number): Promise<void> {
    const { feedForward } = this.layer(layer);
    const spec = feedForward.expert(expert);
    const graph = this.graphOf(layer, expert);
    const weights = this.staging.gather(graph, expertWeights(spec));
    this.ledger.add('experts', this.bytesPerExpert(layer));
    this.sessions[this.index(layer, expert)] = await CpuSession.create(graph, weights, this.meter);
  }

  async evict(layer: number, expert: number): Promise<void> {
    const index = this.index(layer, expert);
    const session = this.sessions[index];
    if (session === undefined) throw new Error(`expert ${expert} of layer ${layer} is not resident`);
    this.sessions[index] = undefined;
    await session.release();
    this.ledger.remove('experts', this.bytesPerExpert(layer));
  }

  /** @param rows [count, hidden]; returns the expert's output [count, hidden] in memory of its own */
  async run(layer: number, expert: number, rows: Float32Array, count: number): Promise<Float32Array> {
    const session = this.sessions[this.index(layer, expert)];
    if (session === undefined) throw new Error(`expert ${expert} of layer ${layer} is not resident`);
    const output = await session.run({ x: floats(rows, [count, this.hidden]) });
    return output('y');
  }

  private layer(layer: number): MoeLayer {
    return this.layers[layer] as MoeLayer;
  }

  private index(layer: number, expert: number): number {
    return layer * this.layer(layer).feedForward.experts + expert;
  }

  /** Experts of one model and width share one graph: only their bytes differ. */
  private graphOf(layer: number, expert: number): WeightedGraph {
    const { feedForward } = this.layer(layer);
    const key = `${feedForward.width}`;
    let graph = this.graphs.get(key);
    if (graph === undefined) {
      graph = expertGraph(feedForward.expert(expert), this.hidden, feedForward.width, this.precision);
      this.graphs.set(key, graph);
    }
    return graph;
  }
}

/** One expert of a layer on a CPU device, whatever the checkpoint stores. */
export function expertBytes({ feedForward }: MoeLayer, hidden: number, precision: WeightPrecision): number {
  return expertGraph(feedForward.expert(0), hidden, feedForward.width, precision).bytes;
}
