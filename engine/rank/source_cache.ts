import type { Tensor } from 'onnxruntime-node';
import { type CpuDense, crossAttentions } from '../device/cpu_dense.ts';
import { floats } from '../device/cpu_session.ts';
import type { GroupedAttentionSpec } from '../families/attention_spec.ts';
import type { ModelSpec } from '../families/spec.ts';
import { MASKED } from './attention_feeds.ts';
import { KvCache } from './kv_cache.ts';
import type { MemoryLedger } from './ledger.ts';
import type { RowPlan } from './messages.ts';
import type { TokenGroup } from './token_groups.ts';

interface Source {
  readonly tokens: number;
  readonly mask: Uint8Array | undefined;
}

/** Keys and values of every row's source for cross-attention: computed when the source is encoded, read by every step after. */
export class SourceCache {
  private readonly layers: readonly GroupedAttentionSpec[];
  private readonly kv: KvCache;
  private readonly sources: (Source | undefined)[] = [];

  constructor(
    spec: ModelSpec,
    private readonly dense: CpuDense,
    ledger: MemoryLedger,
  ) {
    this.layers = crossAttentions(spec);
    this.kv = new KvCache(this.layers, ledger);
  }

  /** Makes room for the rows of a step, those that were encoded before included. */
  fit(rows: readonly RowPlan[]): void {
    if (this.layers.length === 0 || rows.length === 0) return;
    const tokens = rows.map(({ row, source }) => source?.length ?? this.sources[row]?.tokens ?? 0);
    this.kv.fit(Math.max(...rows.map(({ row }) => row)) + 1, Math.max(...tokens));
  }

  /** @param states hidden states of a group of sources after the encoder's last layer [batch, length, hidden] */
  async store({ batch, length, members, places }: TokenGroup, states: Float32Array): Promise<void> {
    const computed = await this.dense.runCrossKeys(states, batch, length);
    for (const [which, { row, mask }] of members.entries()) {
      this.sources[row] = { tokens: length, mask };
      for (const [layer, { key, value }] of computed.entries())
        this.kv.append(layer, row, 0, length, places[which] as number, key, value);
    }
  }

  /** Which keys a group's rows may look at: the same for every layer. Rows in between whose sequence is done look at none. */
  mask({ firstRow, batch, members }: TokenGroup): Record<string, Tensor> {
    if (this.layers.length === 0) return {};
    const { capacity } = this.kv;
    const bias = new Float32Array(batch * capacity).fill(MASKED);
    for (const { row } of members) {
      const source = this.sources[row];
      for (let key = 0; key < (source?.tokens ?? 0); key++)
        if (source?.mask?.[key] !== 0) bias[(row - firstRow) * capacity + key] = 0;
    }
    return { cross_bias: floats(bias, [batch, 1, 1, capacity]) };
  }

  /** Keys and values of a decoder layer for a group, in place. */
  keys(layer: number, { firstRow, batch }: TokenGroup): Record<string, Tensor> {
    const attention = this.layers[layer];
    if (attention === undefined) return {};
    const { key, value } = this.kv.view(layer, firstRow, batch);
    const dims = [batch, attention.kvHeads, this.kv.capacity, attention.headDim];
    return { cross_key: floats(key, dims), cross_value: floats(value, dims) };
  }

  close(): void {
    this.kv.close();
  }
}
