import type { WeightPrecision } from '../../checkpoint/block_quantise.ts';
import { EXPERTS_NAME } from '../../checkpoint/pack/pack_folder.ts';
import { expertWeights, type MoeLayer } from '../../families/spec.ts';
import { expertGraph } from '../../graph/expert.ts';
import type { WeightedGraph } from '../../graph/weight_blob.ts';
import type { LedgerCategory } from '../../protocol/telemetry.ts';
import type { MemoryLedger } from '../../rank/ledger.ts';
import type { ExpertStore } from '../device.ts';
import { PackLayout } from '../pack_plan.ts';
import { floats } from '../tensors.ts';
import { type WeightSource, WeightStaging } from '../weights.ts';
import type { HostSession, MakeSession, NewBuilder } from './session.ts';

/** An expert pack as a device reads it. */
export interface OpenPack {
  readonly folder: string;
  readonly layout: PackLayout;
}

export interface CpuExpertsParts {
  readonly layers: readonly MoeLayer[];
  readonly hidden: number;
  readonly precision: WeightPrecision;
  readonly source: WeightSource;
  /** Absent: experts are read from the checkpoint, and rounded at every load where they are held at few bits. */
  readonly pack: OpenPack | undefined;
  readonly ledger: MemoryLedger;
  /** Where the ledger has them; absent: under `experts`. */
  readonly category?: LedgerCategory;
  readonly make: MakeSession;
  readonly newBuilder?: NewBuilder;
}

/**
 * Resident experts of one CPU device: a session each. Creating the session is the load, releasing it the eviction. What a file has as
 * the session wants it, an expert pack or float32 in the checkpoint itself, is mapped from there; the rest is read and converted on the
 * way.
 */
export class CpuExperts implements ExpertStore {
  private readonly sessions: (HostSession | undefined)[];
  private readonly staging: WeightStaging;
  /** By width: experts that are read differ in nothing but their bytes. */
  private readonly graphs = new Map<number, WeightedGraph>();
  private readonly bytes: readonly number[];
  private maps = true;

  constructor(private readonly parts: CpuExpertsParts) {
    const { layers, hidden, precision, source } = parts;
    const [first] = layers;
    this.sessions = new Array(first === undefined ? 0 : layers.length * first.feedForward.experts).fill(undefined);
    this.staging = new WeightStaging(source);
    this.bytes = layers.map((layer) => expertBytes(layer, hidden, precision));
  }

  bytesPerExpert(layer: number): number {
    return this.bytes[layer] as number;
  }

  async load(layer: number, expert: number): Promise<void> {
    const { ledger, category = 'experts' } = this.parts;
    ledger.add(category, this.bytesPerExpert(layer));
    this.sessions[this.index(layer, expert)] = await this.create(layer, expert);
  }

  async evict(layer: number, expert: number): Promise<void> {
    const index = this.index(layer, expert);
    const session = this.sessions[index];
    if (session === undefined) throw new Error(`expert ${expert} of layer ${layer} is not resident`);
    this.sessions[index] = undefined;
    await session.release();
    const { ledger, category = 'experts' } = this.parts;
    ledger.remove(category, this.bytesPerExpert(layer));
  }

  /** @param rows [count, hidden]; returns the expert's output [count, hidden] in memory of its own */
  async run(layer: number, expert: number, rows: Float32Array, count: number): Promise<Float32Array> {
    const session = this.sessions[this.index(layer, expert)];
    if (session === undefined) throw new Error(`expert ${expert} of layer ${layer} is not resident`);
    const output = await session.run({ x: floats(rows, [count, this.parts.hidden]) });
    return output('y');
  }

  private create(layer: number, expert: number): Promise<HostSession> {
    const { pack, source, precision, make } = this.parts;
    const { feedForward } = this.layer(layer);
    const spec = feedForward.expert(expert);
    if (pack !== undefined) {
      const blob = { location: EXPERTS_NAME, offsetBytes: pack.layout.offsetBytes(layer, expert) };
      const graph = this.graph(layer, expert, { blob });
      return make(graph, NOTHING, pack.folder);
    }
    const [first] = expertWeights(spec);
    if (this.maps && precision === 'fp32' && first !== undefined && source.floatsAt?.(first.tensor) !== undefined) {
      const graph = this.graph(layer, expert, source);
      if (graph.parts.length === 0) return make(graph, NOTHING, source.folder);
      // Tensors that the graph wants as one stand apart in the file, and a session takes all from files or all from memory.
      this.maps = false;
    }
    let graph = this.graphs.get(feedForward.width);
    if (graph === undefined) {
      graph = this.graph(layer, expert);
      this.graphs.set(feedForward.width, graph);
    }
    return make(graph, this.staging.gather(graph, expertWeights(spec)));
  }

  private graph(layer: number, expert: number, places?: Parameters<typeof expertGraph>[4]): WeightedGraph {
    const { feedForward } = this.layer(layer);
    const { hidden, precision, newBuilder } = this.parts;
    return expertGraph(feedForward.expert(expert), hidden, feedForward.width, precision, places, newBuilder?.());
  }

  private layer(layer: number): MoeLayer {
    return this.parts.layers[layer] as MoeLayer;
  }

  private index(layer: number, expert: number): number {
    return layer * this.layer(layer).feedForward.experts + expert;
  }
}

/** The experts' pack, where they are held at few bits and one was made. */
export function openPack(
  folder: string | undefined,
  { layers, hidden, precision }: Pick<CpuExpertsParts, 'layers' | 'hidden' | 'precision'>,
): OpenPack | undefined {
  if (folder === undefined) return undefined;
  return { folder, layout: new PackLayout(layers, hidden, precision) };
}

const NOTHING = new Uint8Array(0);

/** One expert of a layer on a CPU device, whatever the checkpoint stores. */
export function expertBytes({ feedForward }: MoeLayer, hidden: number, precision: WeightPrecision): number {
  return expertGraph(feedForward.expert(0), hidden, feedForward.width, precision).bytes;
}
