import type { Tensor } from 'onnxruntime-node';
import { type AttentionSpec, type CacheShape, cacheShape } from '../../families/attention_spec.ts';
import type { GraphBuilder } from '../../graph/onnx.ts';
import { kvCapacity } from '../../rank/kv_cache.ts';
import type { MemoryLedger } from '../../rank/ledger.ts';
import type { TokenGroup } from '../../rank/token_groups.ts';
import type { Hidden, KeyStore } from '../device.ts';
import { int64s } from '../tensors.ts';
import { deviceTensor } from './hidden.ts';
import { int32s, type WebGpuMemory } from './memory.ts';

const SIDES = ['key', 'value'] as const;
type Side = (typeof SIDES)[number];

interface Slab {
  readonly shape: CacheShape;
  key: Tensor | undefined;
  value: Tensor | undefined;
}

/** Keys and values in a device's memory, a tensor of each a layer: [rows, KH, capacity, width]. New ones are written in place. */
export class WebGpuKeys implements KeyStore {
  private readonly slabs: Slab[];
  private rows = 0;
  private capacityTokens = 0;
  /** Parts cut out for the last call of attention. */
  private cut: Tensor[] = [];
  /** Where a group's new keys go, by key heads: the same in every layer. */
  private readonly targets = new WeakMap<TokenGroup, Map<number, Tensor>>();

  constructor(
    layers: readonly AttentionSpec[],
    private readonly inputs: { readonly key: string; readonly value: string },
    private readonly ledger: MemoryLedger,
    private readonly memory: WebGpuMemory,
  ) {
    this.slabs = layers.map((attention) => ({ shape: cacheShape(attention), key: undefined, value: undefined }));
  }

  get capacity(): number {
    return this.capacityTokens;
  }

  async fit(rows: number, tokens: number): Promise<void> {
    const wanted = kvCapacity(Math.max(1, tokens));
    const keepTokens = wanted <= this.capacityTokens && this.capacityTokens <= 2 * wanted;
    const keepRows = rows <= this.rows && this.rows <= 2 * rows;
    if (keepTokens && keepRows) return;
    await this.reshape(keepRows ? this.rows : rows, keepTokens ? this.capacityTokens : wanted);
  }

  /** A dimension of 0 does not run on the device: where nothing is cached one key is fed that the mask hides. */
  pastTokens({ cached }: TokenGroup): number {
    return cached ? this.capacityTokens : 1;
  }

  async feeds(layer: number, group: TokenGroup): Promise<Record<string, Tensor>> {
    this.dropCut();
    const slab = this.slabs[layer] as Slab;
    const { firstRow, batch } = group;
    const past = this.pastTokens(group);
    const whole = firstRow === 0 && batch === this.rows && past === this.capacityTokens;
    const feeds: Record<string, Tensor> = {};
    for (const side of SIDES) {
      const tensor = slab[side];
      if (tensor === undefined) continue;
      feeds[this.inputs[side]] = whole ? tensor : await this.slice(tensor, firstRow, batch, past);
    }
    return feeds;
  }

  async append(layer: number, group: TokenGroup, key: Hidden, value: Hidden | undefined): Promise<void> {
    const slab = this.slabs[layer] as Slab;
    await this.scatter(slab, 'key', group, deviceTensor(key));
    if (value !== undefined) await this.scatter(slab, 'value', group, deviceTensor(value));
  }

  close(): void {
    this.dropCut();
    for (const slab of this.slabs) for (const side of SIDES) this.give(slab, side);
    this.rows = 0;
    this.capacityTokens = 0;
  }

  private dropCut(): void {
    for (const tensor of this.cut.splice(0)) tensor.dispose();
  }

  /** Rows [firstRow, firstRow + batch) with the first `past` tokens; a copy, gone before the next call. */
  private async slice(tensor: Tensor, firstRow: number, batch: number, past: number): Promise<Tensor> {
    const session = await this.memory.open('keys slice', (builder) => {
      builder.input('x', 'float32', ['r', 'h', 't', 'w']);
      builder.input('start', 'int64', [2]);
      builder.input('end', 'int64', [2]);
      builder.node('Slice', ['x', 'start', 'end', builder.int64s([0, 2])], {}, 'y');
      builder.output('y', 'float32', ['b', 'h', 'p', 'w']);
    });
    const feeds = { x: tensor, start: int64s([firstRow, 0], [2]), end: int64s([firstRow + batch, past], [2]) };
    const { y } = await session.run(feeds);
    this.cut.push(y as Tensor);
    return y as Tensor;
  }

  /** Writes each member's rows [KH, S, width] at its position. */
  private async scatter(slab: Slab, side: Side, group: TokenGroup, fresh: Tensor): Promise<void> {
    const session = await this.memory.open('keys append', writeAppend, { inPlace: true });
    const cache = slab[side] as Tensor;
    const places = int32s(Int32Array.from(group.places));
    const feeds = { cache, new: fresh, places, to: this.targetOf(group, slab.shape.kvHeads) };
    await session.runInPlace(feeds, 'out', cache);
    fresh.dispose();
  }

  /** (row, head, position) of every new key [members, KH, S, 3]. */
  private targetOf(group: TokenGroup, kvHeads: number): Tensor {
    let byHeads = this.targets.get(group);
    if (byHeads === undefined) {
      byHeads = new Map();
      this.targets.set(group, byHeads);
    }
    let target = byHeads.get(kvHeads);
    if (target === undefined) {
      const { members, length } = group;
      const values: number[] = [];
      for (const { row, position } of members) {
        for (let head = 0; head < kvHeads; head++)
          for (let token = 0; token < length; token++) values.push(row, head, position + token);
      }
      target = int64s(values, [members.length, kvHeads, length, 3]);
      byHeads.set(kvHeads, target);
    }
    return target;
  }

  private async reshape(rows: number, capacity: number): Promise<void> {
    const keptRows = Math.min(rows, this.rows);
    const keptTokens = Math.min(capacity, this.capacityTokens);
    for (const slab of this.slabs) {
      const { kvHeads, keyWidth, valueWidth } = slab.shape;
      for (const [side, width] of [
        ['key', keyWidth],
        ['value', valueWidth],
      ] as const) {
        if (width === 0) continue;
        const before = slab[side];
        // Entered as in kv_cache.ts: a budget that holds the larger of both must be enough.
        if (before !== undefined) this.ledger.remove('kvCache', before.size * 4);
        this.ledger.add('kvCache', rows * kvHeads * capacity * width * 4);
        const dims = [rows, kvHeads, capacity, width];
        slab[side] =
          before !== undefined && keptRows > 0 && keptTokens > 0
            ? await this.resized(before, keptRows, keptTokens, dims)
            : await this.memory.zeros(dims);
        before?.dispose();
      }
    }
    this.rows = rows;
    this.capacityTokens = capacity;
  }

  /** The first rows and tokens of a cache, zeros behind them. */
  private async resized(before: Tensor, rows: number, tokens: number, dims: readonly number[]): Promise<Tensor> {
    const session = await this.memory.open('keys resize', (builder) => {
      builder.input('x', 'float32', ['r', 'h', 't', 'w']);
      builder.input('end', 'int64', [2]);
      builder.input('pads', 'int64', [8]);
      const kept = builder.node('Slice', ['x', builder.int64s([0, 0]), 'end', builder.int64s([0, 2])]);
      builder.node('Pad', [kept, 'pads'], {}, 'y');
      builder.output('y', 'float32', ['q', 'h', 'p', 'w']);
    });
    const pads = [0, 0, 0, 0, (dims[0] as number) - rows, 0, (dims[2] as number) - tokens, 0];
    const feeds = { x: before, end: int64s([rows, tokens], [2]), pads: int64s(pads, [8]) };
    return (await session.run(feeds)).y as Tensor;
  }

  private give(slab: Slab, side: Side): void {
    const tensor = slab[side];
    if (tensor === undefined) return;
    this.ledger.remove('kvCache', tensor.size * 4);
    tensor.dispose();
    slab[side] = undefined;
  }
}

function writeAppend(builder: GraphBuilder): void {
  builder.input('cache', 'float32', ['r', 'h', 't', 'w']);
  builder.input('new', 'float32', ['b', 'h', 's', 'w']);
  builder.input('places', 'int32', ['m']);
  builder.input('to', 'int64', ['m', 'h', 's', 3]);
  builder.node('ScatterND', ['cache', 'to', builder.node('Gather', ['new', 'places'], { axis: 0 })], {}, 'out');
  builder.output('out', 'float32', ['r', 'h', 't', 'w']);
}
