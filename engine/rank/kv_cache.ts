import { type AttentionSpec, type CacheShape, cacheShape } from '../families/attention_spec.ts';
import type { MemoryLedger } from './ledger.ts';

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
 * Keys and values of all sequences of a rank, a slab of each a layer: [rows, KH, capacity, width], fed to attention as it is.
 * Rows are kept side by side so that a decode step over them is one call without a copy.
 */
export class KvCache {
  private readonly slabs: Slab[];
  private rows = 0;
  private capacityTokens = 0;

  constructor(
    layers: readonly AttentionSpec[],
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

  /** Makes room for `rows` rows of up to `tokens` tokens; shrinks when less than half is needed. */
  fit(rows: number, tokens: number): void {
    const wanted = kvCapacity(tokens);
    const keepTokens = wanted <= this.capacityTokens && this.capacityTokens <= 2 * wanted;
    const keepRows = rows <= this.rows && this.rows <= 2 * rows;
    if (keepTokens && keepRows) return;
    this.reshape(keepRows ? this.rows : rows, keepTokens ? this.capacityTokens : wanted);
  }

  /** Rows [firstRow, firstRow + rows) of a layer, [rows, KH, capacity, width], in place. */
  view(layer: number, firstRow: number, rows: number): { key: Float32Array; value: Float32Array } {
    const { shape, key, value } = this.slabs[layer] as Slab;
    const lines = shape.kvHeads * this.capacityTokens;
    const part = (slab: Float32Array, width: number) =>
      slab.subarray(firstRow * lines * width, (firstRow + rows) * lines * width);
    return { key: part(key, shape.keyWidth), value: part(value, shape.valueWidth) };
  }

  /**
   * Stores new keys and values of one row from an attention output [B, KH, S, width].
   * @param value absent where values are part of the keys
   * @param source row in the output; `newTokens` S, of which all are stored from `position` on
   */
  append(
    layer: number,
    row: number,
    position: number,
    newTokens: number,
    source: number,
    key: Float32Array,
    value: Float32Array | undefined,
  ): void {
    const slab = this.slabs[layer] as Slab;
    const { kvHeads, keyWidth, valueWidth } = slab.shape;
    const store = (into: Float32Array, out: Float32Array, width: number) => {
      const floats = newTokens * width;
      for (let head = 0; head < kvHeads; head++) {
        const from = (source * kvHeads + head) * floats;
        const to = ((row * kvHeads + head) * this.capacityTokens + position) * width;
        into.set(out.subarray(from, from + floats), to);
      }
    };
    store(slab.key, key, keyWidth);
    if (valueWidth > 0) store(slab.value, value as Float32Array, valueWidth);
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
