import type { Tensor } from 'onnxruntime-node';
import { type Hidden, hostFloats, type KeyStore } from '../device/device.ts';
import { floats } from '../device/tensors.ts';
import { type AttentionSpec, type CacheShape, cacheShape } from '../families/attention_spec.ts';
import type { MemoryLedger } from './ledger.ts';
import type { TokenGroup } from './token_groups.ts';

/** Capacity grows and shrinks in blocks of this many tokens: a copy of the cache every 64 steps, at most 63 tokens unused. */
const BLOCK_TOKENS = 64;

/** Cached tokens rounded up to whole blocks. */
export function kvCapacity(tokens: number): number {
  return Math.ceil(tokens / BLOCK_TOKENS) * BLOCK_TOKENS;
}

interface Slab {
  key: Float32Array;
  value: Float32Array;
  readonly shape: CacheShape;
}

/**
 * Keys and values in this process's memory, a slab of each a layer: [rows, KH, capacity, width], fed to attention as it is.
 * Rows are kept side by side so that a decode step over them is one call without a copy.
 */
export class KvCache implements KeyStore {
  private readonly slabs: Slab[];
  private rows = 0;
  private capacityTokens = 0;

  constructor(
    layers: readonly AttentionSpec[],
    private readonly inputs: { readonly key: string; readonly value: string },
    private readonly ledger: MemoryLedger,
  ) {
    this.slabs = layers.map((attention) => ({
      key: new Float32Array(0),
      value: new Float32Array(0),
      shape: cacheShape(attention),
    }));
  }

  get capacity(): number {
    return this.capacityTokens;
  }

  fit(rows: number, tokens: number): void {
    const wanted = kvCapacity(tokens);
    const keepTokens = wanted <= this.capacityTokens && this.capacityTokens <= 2 * wanted;
    const keepRows = rows <= this.rows && this.rows <= 2 * rows;
    if (keepTokens && keepRows) return;
    this.reshape(keepRows ? this.rows : rows, keepTokens ? this.capacityTokens : wanted);
  }

  pastTokens({ cached }: TokenGroup): number {
    return cached ? this.capacityTokens : 0;
  }

  /** In place. */
  feeds(layer: number, group: TokenGroup): Record<string, Tensor> {
    const { shape, key, value } = this.slabs[layer] as Slab;
    const { kvHeads, keyWidth, valueWidth } = shape;
    const { firstRow, batch, cached } = group;
    const lines = kvHeads * this.capacityTokens;
    const past = this.pastTokens(group);
    const part = (slab: Float32Array, width: number) => {
      const from = firstRow * lines * width;
      return floats(slab.subarray(from, cached ? from + batch * lines * width : from), [batch, kvHeads, past, width]);
    };
    const { inputs } = this;
    return {
      [inputs.key]: part(key, keyWidth),
      ...(valueWidth > 0 && { [inputs.value]: part(value, valueWidth) }),
    };
  }

  append(layer: number, group: TokenGroup, key: Hidden, value: Hidden | undefined): void {
    const slab = this.slabs[layer] as Slab;
    const { keyWidth, valueWidth } = slab.shape;
    this.store(slab, slab.key, group, hostFloats(key), keyWidth);
    if (valueWidth > 0) this.store(slab, slab.value, group, hostFloats(value as Hidden), valueWidth);
  }

  /** Copies each member's rows [KH, S, width] to its position. */
  private store(
    { shape: { kvHeads } }: Slab,
    into: Float32Array,
    { members, places, length }: TokenGroup,
    out: Float32Array,
    width: number,
  ): void {
    const count = length * width;
    for (const [which, { row, position }] of members.entries()) {
      for (let head = 0; head < kvHeads; head++) {
        const from = ((places[which] as number) * kvHeads + head) * count;
        const to = ((row * kvHeads + head) * this.capacityTokens + position) * width;
        into.set(out.subarray(from, from + count), to);
      }
    }
  }

  close(): void {
    this.reshape(0, 0);
  }

  private reshape(rows: number, capacity: number): void {
    const keptRows = Math.min(rows, this.rows);
    const keptTokens = Math.min(capacity, this.capacityTokens);
    for (const slab of this.slabs) {
      const { kvHeads, keyWidth, valueWidth } = slab.shape;
      for (const [side, width] of [
        ['key', keyWidth],
        ['value', valueWidth],
      ] as const) {
        const before = slab[side];
        // Taken out before the new one is entered: the old array is unreachable once copied, and a budget that holds the
        // larger of both must be enough.
        this.ledger.remove('kvCache', before.byteLength);
        const after = new Float32Array(rows * kvHeads * capacity * width);
        this.ledger.add('kvCache', after.byteLength);
        for (let line = 0; line < keptRows * kvHeads; line++) {
          const from = line * this.capacityTokens * width;
          after.set(before.subarray(from, from + keptTokens * width), line * capacity * width);
        }
        slab[side] = after;
      }
    }
    this.rows = rows;
    this.capacityTokens = capacity;
  }
}
