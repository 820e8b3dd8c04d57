import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import { groupedAttention } from './grouped_attention.ts';
import { type LlamaDefaults, linearOf, llamaModel, readHeadRope, readLlamaShape, rmsNorm } from './llama_model.ts';
import type { ExpertSpec, ModelSpec } from './spec.ts';
import { TensorCheck } from './tensor_check.ts';
import { layerWindows } from './windows.ts';

const DEFAULTS: LlamaDefaults = {
  ...{ hidden: 2880, layers: 36, heads: 64, kvHeads: 8, headDim: 64, vocab: 201_088 },
  ...{ contextTokens: 131_072, epsilon: 1e-5, theta: 150_000 },
  scaling: {
    ...{ rope_type: 'yarn', factor: 32, beta_fast: 32, beta_slow: 1, truncate: false },
    original_max_position_embeddings: 4096,
  },
};
/** The library's constant: silu in the config is not what is computed. */
const ALPHA = 1.702;

/**
 * GPT-OSS (config model_type `gpt_oss`): attention with a sink for each head, every other layer behind a window, biases everywhere;
 * top k of the router's logits, softmax over the k; experts with a clamped gate. Experts come as MXFP4 blocks [experts, out, in] or
 * unpacked, transposed [experts, in, out]; gate and up rows alternate in both.
 */
export function readGptOss(config: ConfigReader, checkpoint: Checkpoint): ModelSpec {
  const shape = readLlamaShape(config, DEFAULTS);
  const { hidden } = shape;
  const check = new TensorCheck(checkpoint);
  const experts = config.expertCount(128);
  const width = config.int('intermediate_size', { min: 1, default: 2880 });
  const topK = config.int('num_experts_per_tok', { min: 1, max: experts, default: 4 });
  const limit = config.number('swiglu_limit', { min: 0, default: 7 });
  const positions = readHeadRope(config, shape, DEFAULTS);
  const bias = config.boolean('attention_bias', true) ? 'all' : 'none';
  const windowTokens = config.int('sliding_window', { min: 1, default: 128 });
  const windowOf = layerWindows(config, shape.layers, windowTokens, (block) => block % 2 === 0);
  return llamaModel(check, shape, {
    family: 'gpt_oss',
    norm: rmsNorm(check, shape),
    attention: (prefix, block) =>
      groupedAttention(check, shape, `${prefix}.self_attn`, {
        ...{ positions, bias, sinks: true },
        windowTokens: windowOf(block),
      }),
    feedForward: (prefix) => ({
      kind: 'moe',
      router: linearOf(check, `${prefix}.mlp.router`, experts, hidden, true),
      rule: { kind: 'softmax', topK, renormalise: true },
      experts,
      width,
      expert: readExperts(check, `${prefix}.mlp.experts`, { experts, width, hidden, limit }),
    }),
  });
}

interface ExpertShape {
  readonly experts: number;
  readonly width: number;
  readonly hidden: number;
  readonly limit: number;
}

function readExperts(
  check: TensorCheck,
  prefix: string,
  { experts, width, hidden, limit }: ExpertShape,
): (id: number) => ExpertSpec {
  /** An expert's matrix [rows, columns]. */
  const matrix = (name: string, rows: number, columns: number) => {
    const transposed = check.dtype(name) !== 'MXFP4';
    const stored = transposed ? columns : rows;
    const { tensor } = check.weight(name, transposed ? [experts, columns, rows] : [experts, rows, columns]);
    return (id: number) => ({ tensor, firstRow: id * stored, rows: stored, ...(transposed && { transposed }) });
  };
  const vector = (name: string, size: number) => {
    const { tensor } = check.weight(name, [experts, size]);
    return (id: number) => ({ tensor, firstRow: id, rows: 1 });
  };
  const gateUp = matrix(`${prefix}.gate_up_proj`, 2 * width, hidden);
  const down = matrix(`${prefix}.down_proj`, hidden, width);
  const gateUpBias = vector(`${prefix}.gate_up_proj_bias`, 2 * width);
  const downBias = vector(`${prefix}.down_proj_bias`, hidden);
  return (id) => ({
    kind: 'clamped-swiglu',
    ...{ gateUp: gateUp(id), gateUpBias: gateUpBias(id), down: down(id), downBias: downBias(id) },
    ...{ limit, alpha: ALPHA },
  });
}
