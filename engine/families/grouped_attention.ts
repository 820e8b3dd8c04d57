import type { GroupedAttentionSpec, PositionSpec } from './attention_spec.ts';
import { type LlamaShape, linearOf } from './llama_model.ts';
import type { TensorCheck } from './tensor_check.ts';

export interface GroupedOptions {
  readonly positions: PositionSpec;
  /** Which projections have a bias. */
  readonly bias?: 'none' | 'qkv' | 'all';
  readonly queryKeyNorm?: 'head' | 'all';
  readonly clip?: number | undefined;
  /** D^-1/2 where absent. */
  readonly scale?: number;
  readonly windowTokens?: number | undefined;
  /** Whether heads have sinks, `PREFIX.sinks`. */
  readonly sinks?: boolean;
}

/** Attention with grouped keys under `PREFIX.{q,k,v,o}_proj`, and `{q,k}_norm` where queries and keys are normed. */
export function groupedAttention(
  check: TensorCheck,
  { hidden, heads, kvHeads, headDim, epsilon }: LlamaShape,
  prefix: string,
  {
    positions,
    bias = 'none',
    queryKeyNorm,
    clip,
    scale = headDim ** -0.5,
    windowTokens,
    sinks = false,
  }: GroupedOptions,
): GroupedAttentionSpec {
  const [queries, keys] = [heads * headDim, kvHeads * headDim];
  const biased = bias !== 'none';
  const normWidth = (width: number) => [queryKeyNorm === 'head' ? headDim : width];
  return {
    kind: 'grouped',
    heads,
    kvHeads,
    headDim,
    query: linearOf(check, `${prefix}.q_proj`, queries, hidden, biased),
    key: linearOf(check, `${prefix}.k_proj`, keys, hidden, biased),
    value: linearOf(check, `${prefix}.v_proj`, keys, hidden, biased),
    output: linearOf(check, `${prefix}.o_proj`, hidden, queries, bias === 'all'),
    ...(queryKeyNorm !== undefined && {
      queryKeyNorm: {
        over: queryKeyNorm,
        query: check.weight(`${prefix}.q_norm.weight`, normWidth(queries)),
        key: check.weight(`${prefix}.k_norm.weight`, normWidth(keys)),
        epsilon,
      },
    }),
    ...(clip !== undefined && { clip }),
    scale,
    positions,
    ...(windowTokens !== undefined && { windowTokens }),
    ...(sinks && { sinks: check.weight(`${prefix}.sinks`, [heads]) }),
  };
}
