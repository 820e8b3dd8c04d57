import type { ConfigReader } from '../checkpoint/config.ts';
import type { LatentAttentionSpec, LatentNorm } from './attention_spec.ts';
import { type LlamaDefaults, type LlamaShape, linearOf } from './llama_model.ts';
import { readRope } from './rope.ts';
import type { TensorCheck } from './tensor_check.ts';
import { yarnScoreFactor } from './yarn.ts';

/** The class's own default, whatever rms_norm_eps says. */
const LATENT_EPSILON = 1e-6;

/**
 * Multi-head latent attention under `PREFIX.self_attn`, with `q_proj`, or `q_a_proj` and `q_b_proj` where `q_lora_rank` is not null.
 * Scores are scaled by (content + rope)^-1/2 m^2, m from YaRN.
 * @param interleaved whether rotated pairs are neighbours
 * @returns the attention of a layer by the prefix of its tensors
 */
export function readLatentAttention(
  config: ConfigReader,
  check: TensorCheck,
  { hidden, heads, contextTokens }: LlamaShape,
  { theta }: LlamaDefaults,
  interleaved: boolean,
): (prefix: string) => LatentAttentionSpec {
  const size = (key: string, otherwise: number) => config.int(key, { min: 1, default: otherwise });
  const latentDim = size('kv_lora_rank', 512);
  const contentDim = size('qk_nope_head_dim', 128);
  const ropeDim = size('qk_rope_head_dim', 64);
  const valueDim = size('v_head_dim', 128);
  const narrow = config.holdsNull('q_lora_rank') ? undefined : size('q_lora_rank', 1536);
  const biased = config.boolean('attention_bias', false);
  const positions = readRope(config, { dim: ropeDim, defaultTheta: theta, interleaved, contextTokens });
  const scale = (contentDim + ropeDim) ** -0.5 * yarnScoreFactor(config, contextTokens) ** 2;
  const queries = heads * (contentDim + ropeDim);
  const norm = (name: string, width: number): LatentNorm => ({
    gain: check.weight(`${name}.weight`, [width]),
    epsilon: LATENT_EPSILON,
  });
  return (prefix) => {
    const at = `${prefix}.self_attn`;
    return {
      kind: 'latent',
      ...{ heads, contentDim, ropeDim, valueDim, latentDim, scale, positions },
      ...(narrow !== undefined && {
        queryDown: {
          linear: linearOf(check, `${at}.q_a_proj`, narrow, hidden, biased),
          norm: norm(`${at}.q_a_layernorm`, narrow),
        },
      }),
      query:
        narrow === undefined
          ? linearOf(check, `${at}.q_proj`, queries, hidden)
          : linearOf(check, `${at}.q_b_proj`, queries, narrow),
      keyValueDown: linearOf(check, `${at}.kv_a_proj_with_mqa`, latentDim + ropeDim, hidden, biased),
      latentNorm: norm(`${at}.kv_a_layernorm`, latentDim),
      keyValueUp: check.weight(`${at}.kv_b_proj.weight`, [heads * (contentDim + valueDim), latentDim]),
      output: linearOf(check, `${at}.o_proj`, hidden, heads * valueDim, biased),
    };
  };
}
