import { type AttentionSpec, cacheShape } from '../families/attention_spec.ts';
import type { GraphBuilder } from './onnx.ts';

/** Names in the graph. */
interface Attended {
  /** [B, H, S, keyWidth] */
  readonly query: string;
  /** [B, KH, S, keyWidth] */
  readonly newKey: string;
  /** As wide as keys, [B, KH, S, keyWidth], and [B, KH, P, keyWidth] of earlier tokens. */
  readonly newValue: string;
  readonly pastValue: string;
  /** [1, H, 1, 1], where there are any. */
  readonly sinks?: string;
}

/**
 * softmax(scale q [past k, new k]^T + bias) [past v, new v] with a KV cache that belongs to the rank and is fed as a plain input;
 * only new rows come back, so nothing cached is ever copied by ONNX Runtime (GroupQueryAttention with shared buffers copies it out,
 * 2-3 times slower at long contexts). Scores against cached and new keys are computed apart and joined before the softmax. P may be 0.
 * A sink is one more column of scores behind the keys', dropped after the softmax.
 *
 * inputs: past_key [B, KH, P, keyWidth] (declared by the caller); bias [B, 1 or H, S, T] added to scores (0 or a large negative, plus
 * relative positions), T = P + S, or P + S + 1 with sinks; split [2] = (P, S), or [3] = (P, S, 1) with sinks;
 * with grouped keys scores_shape [4] = (B, H, S, T) and grouped_shape [4] = (B, KH, H/KH*S, T); with sinks sink_shape [4] = (B, H, S, 1)
 * @returns [B, H, S, keyWidth]
 */
export function attendCached(
  builder: GraphBuilder,
  attention: AttentionSpec,
  { query, newKey, newValue, pastValue, sinks }: Attended,
): string {
  const { heads, scale } = attention;
  const { kvHeads, keyWidth } = cacheShape(attention);
  const grouped = heads !== kvHeads;
  builder.input('split', 'int64', [sinks === undefined ? 2 : 3]);
  if (grouped) {
    builder.input('scores_shape', 'int64', [4]);
    builder.input('grouped_shape', 'int64', [4]);
  }
  const byKeyHead = (name: string, width: number) =>
    grouped ? builder.node('Reshape', [name, builder.int64s([0, kvHeads, -1, width])]) : name;
  const rows = byKeyHead(query, keyWidth);
  const score = (keys: string) => builder.node('FusedMatMul', [rows, keys], { transB: 1, alpha: { float: scale } });
  const columns = [score('past_key'), score(newKey)];
  const widths = ['past_weights', 'new_weights'];
  if (sinks !== undefined) {
    builder.input('sink_shape', 'int64', [4]);
    columns.push(byKeyHead(builder.node('Expand', [sinks, 'sink_shape']), 1));
    widths.push('sink_weights');
  }
  let scores = builder.node('Concat', columns, { axis: -1 });
  if (grouped) scores = builder.node('Reshape', [scores, 'scores_shape']);
  let weights = builder.node('Softmax', [builder.node('Add', [scores, 'bias'])], { axis: -1 });
  if (grouped) weights = builder.node('Reshape', [weights, 'grouped_shape']);
  const [past, fresh] = builder.nodeOutputs('Split', [weights, 'split'], widths, { axis: -1 });
  const context = builder.node('Add', [
    builder.node('MatMul', [past as string, pastValue]),
    builder.node('MatMul', [fresh as string, newValue]),
  ]);
  if (!grouped) return context;
  return builder.node('Reshape', [context, builder.int64s([0, heads, -1, keyWidth])]);
}
