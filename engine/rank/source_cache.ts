import type { Tensor } from 'onnxruntime-node';
import type { Device, Hidden, KeyStore } from '../device/device.ts';
import { floats } from '../device/tensors.ts';
import { crossAttentions, type ModelSpec } from '../families/spec.ts';
import { MASKED } from './attention_feeds.ts';
import type { RowPlan } from './messages.ts';
import type { TokenGroup } from './token_groups.ts';

interface Source {
  readonly tokens: number;
  readonly mask: Uint8Array | undefined;
}

/** Keys and values of every row's source for cross-attention: computed when the source is encoded, read by every step after. */
export class SourceCache {
  private readonly crosses: boolean;
  private readonly kv: KeyStore;
  private readonly sources: (Source | undefined)[] = [];

  constructor(
    spec: ModelSpec,
    private readonly device: Pick<Device, 'dense' | 'openKeys'>,
  ) {
    const layers = crossAttentions(spec);
    this.crosses = layers.length > 0;
    this.kv = device.openKeys(layers, { key: 'cross_key', value: 'cross_value' });
  }

  /** Makes room for the rows of a step, those that were encoded before included. */
  async fit(rows: readonly RowPlan[]): Promise<void> {
    if (!this.crosses || rows.length === 0) return;
    const tokens = rows.map(({ row, source }) => source?.length ?? this.sources[row]?.tokens ?? 0);
    await this.kv.fit(Math.max(...rows.map(({ row }) => row)) + 1, Math.max(...tokens));
  }

  /** @param states hidden states of a group of sources after the encoder's last layer [batch, length, hidden]; given up by the call */
  async store(group: TokenGroup, states: Hidden): Promise<void> {
    const { batch, length, members } = group;
    const computed = await this.device.dense.runCrossKeys(states, batch, length);
    for (const { row, mask } of members) this.sources[row] = { tokens: length, mask };
    for (const [layer, { key, value }] of computed.entries()) await this.kv.append(layer, group, key, value);
  }

  /** Which keys a group's rows may look at: the same for every layer. Rows in between whose sequence is done look at none. */
  mask({ firstRow, batch, members }: TokenGroup): Record<string, Tensor> {
    if (!this.crosses) return {};
    const { capacity } = this.kv;
    const bias = new Float32Array(batch * capacity).fill(MASKED);
    for (const { row } of members) {
      const source = this.sources[row];
      for (let key = 0; key < (source?.tokens ?? 0); key++)
        if (source?.mask?.[key] !== 0) bias[(row - firstRow) * capacity + key] = 0;
    }
    return { cross_bias: floats(bias, [batch, 1, 1, capacity]) };
  }

  /** Keys and values of a decoder layer for a group, whether or not its own sequences are new. */
  keys(layer: number, group: TokenGroup): Record<string, Tensor> | Promise<Record<string, Tensor>> {
    return this.crosses ? this.kv.feeds(layer, { ...group, cached: true }) : {};
  }

  close(): void {
    this.kv.close();
  }
}
