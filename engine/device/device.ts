import type { Tensor } from 'onnxruntime-node';
import type { AttentionSpec } from '../families/attention_spec.ts';
import type { StackSpec } from '../families/spec.ts';
import type { GatingPolicy } from '../gating/policy.ts';
import type { BatchLayout } from '../rank/batch_layout.ts';
import type { LayerParts, TokenRows } from '../rank/layer_input.ts';
import type { RowPath } from '../rank/row_path.ts';
import type { TokenGroup } from '../rank/token_groups.ts';
import type { AbsentExperts } from './absent_experts.ts';
import type { NextRouters } from './next_routers.ts';

/**
 * What a rank needs from a device. Two kinds of device keep it: one whose tensors lie in this process's memory (CPU), and one
 * with memory of its own (GPU), where weights, keys and hidden states stay and only router logits and logits come back.
 */
export interface Device {
  readonly dense: DenseDevice;
  readonly experts: ExpertStore;
  /** Those that it does not hold, where they are computed instead of copied. */
  readonly absent: AbsentExperts;
  /** Asked by prefetch only. */
  readonly routers: NextRouters;
  /** A cache of keys and values for the layers of one stack, fed to their attention under these input names. */
  openKeys(layers: readonly AttentionSpec[], inputs: { readonly key: string; readonly value: string }): KeyStore;
  /** How token rows come to this device's experts and back under a gating policy. */
  openRows(policy: GatingPolicy, parts: LayerParts, layout: BatchLayout): Promise<RowPath>;
  /** Waits for all that is queued on it; absent where a call returns when its work is done. */
  settle?(): Promise<void>;
  /** Gives up the dense part; experts, keys and row paths were given up before. */
  close(): Promise<void>;
}

/** Floats [.., hidden] where the device has them: an array in this process's memory, or a tensor in the device's own. */
export type Hidden = Float32Array | Tensor;

/** A device's hidden states where they are known to lie in this process's memory. */
export function hostFloats(hidden: Hidden): Float32Array {
  if (hidden instanceof Float32Array) return hidden;
  throw new Error('hidden states of another device');
}

export interface LayerOutput {
  /** [B, S, hidden]: after a dense layer; after attention in a MoE layer, whose experts' sum is added later. */
  readonly h: Hidden;
  /** Of a MoE layer: the experts' input [B, S, hidden], and [B, S, experts]. */
  readonly normed?: Hidden;
  readonly routerLogits?: Float32Array;
  /** Of a decoder layer [B, KH, S, keyWidth]. */
  readonly newKey?: Hidden;
  /** [B, KH, S, valueWidth], where values are kept apart from keys. */
  readonly newValue?: Hidden;
}

/** The dense part that every rank holds: attention, router or feed-forward of each layer, final norms and head. */
export interface DenseDevice {
  /** Hidden states made in this process's memory [B, S, hidden]. */
  take(states: Float32Array, batch: number, length: number): Hidden | Promise<Hidden>;
  /** @param x hidden states [B, S, hidden]; given up by the call */
  runLayer(
    stack: StackSpec['kind'],
    layer: number,
    x: Hidden,
    group: TokenGroup,
    feeds: Record<string, Tensor>,
  ): Promise<LayerOutput>;
  /**
   * Keys and values of encoded sources for each decoder layer [B, H, S, D].
   * @param states hidden states after the encoder's last layer [B, S, hidden]; given up by the call
   */
  runCrossKeys(states: Hidden, batch: number, length: number): Promise<{ key: Hidden; value: Hidden }[]>;
  /**
   * @param states hidden states by group after the last layer; given up by the call
   * @param wanted tokens whose logits are asked for
   * @returns logits [wanted, vocab]
   */
  runHead(states: readonly Hidden[], rows: TokenRows, wanted: readonly number[]): Promise<Float32Array>;
}

/**
 * Experts in a device's memory. Which ones to hold is decided by the expert cache; this only does it, and keeps the ledger's
 * experts line true. Running them belongs to the device's row path.
 */
export interface ExpertStore {
  bytesPerExpert(layer: number): number;
  load(layer: number, expert: number): Promise<void>;
  evict(layer: number, expert: number): Promise<void>;
}

/** Keys and values of all sequences of a rank, by layer [rows, KH, capacity, width]; none are kept where they are part of the keys. */
export interface KeyStore {
  /** Tokens that it is laid out for. */
  readonly capacity: number;
  /** Makes room for `rows` rows of up to `tokens` tokens; shrinks when less than half is needed. */
  fit(rows: number, tokens: number): void | Promise<void>;
  /** How many keys `feeds` puts before a group's new ones, P: what is laid out, or next to nothing where nothing is cached. */
  pastTokens(group: TokenGroup): number;
  /** Keys and values of a group's rows as attention takes them [B, KH, P, width]. */
  feeds(layer: number, group: TokenGroup): Record<string, Tensor> | Promise<Record<string, Tensor>>;
  /** Stores a group's new keys and values [B, KH, S, width], each member's from its position on; they are given up by the call. */
  append(layer: number, group: TokenGroup, key: Hidden, value: Hidden | undefined): void | Promise<void>;
  close(): void;
}
