import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Dtype } from '../../engine/checkpoint/dtype.ts';
import { float8ScaleShape } from '../../engine/checkpoint/scaled_tensors.ts';
import { inspectModel } from '../../engine/coordinator/open_model.ts';
import { decoderOf } from '../../engine/families/spec.ts';
import { type Shapes, writeHeaderOnly } from './header_only.ts';

interface Release {
  readonly config: Readonly<Record<string, unknown>>;
  readonly shapes: Shapes;
  readonly dtypeOf?: (name: string) => Dtype;
}

const layersOf = (count: number, shapes: (prefix: string, layer: number) => Shapes): Shapes =>
  Object.assign({}, ...Array.from({ length: count }, (_, layer) => shapes(`model.layers.${layer}`, layer)));

const around = (vocab: number, hidden: number): Shapes => ({
  'model.embed_tokens.weight': [vocab, hidden],
  'lm_head.weight': [vocab, hidden],
  'model.norm.weight': [hidden],
});

const norms = (at: string, hidden: number): Shapes => ({
  [`${at}.input_layernorm.weight`]: [hidden],
  [`${at}.post_attention_layernorm.weight`]: [hidden],
});

const mlp = (at: string, hidden: number, width: number): Shapes => ({
  [`${at}.gate_proj.weight`]: [width, hidden],
  [`${at}.up_proj.weight`]: [width, hidden],
  [`${at}.down_proj.weight`]: [hidden, width],
});

const latent = (at: string, hidden: number, heads: number, narrow?: number): Shapes => ({
  ...(narrow === undefined
    ? { [`${at}.q_proj.weight`]: [heads * 192, hidden] }
    : {
        [`${at}.q_a_proj.weight`]: [narrow, hidden],
        [`${at}.q_a_layernorm.weight`]: [narrow],
        [`${at}.q_b_proj.weight`]: [heads * 192, narrow],
      }),
  [`${at}.kv_a_proj_with_mqa.weight`]: [576, hidden],
  [`${at}.kv_a_layernorm.weight`]: [512],
  [`${at}.kv_b_proj.weight`]: [heads * 256, 512],
  [`${at}.o_proj.weight`]: [hidden, heads * 128],
});

const YARN = { type: 'yarn', factor: 40, original_max_position_embeddings: 4096, beta_fast: 32, beta_slow: 1 };

function deepseekV2Lite(): Release {
  const hidden = 2048;
  return {
    config: {
      ...{ model_type: 'deepseek_v2', vocab_size: 102_400, hidden_size: hidden, num_hidden_layers: 27 },
      ...{ num_attention_heads: 16, num_key_value_heads: 16, intermediate_size: 10_944, moe_intermediate_size: 1408 },
      ...{ n_routed_experts: 64, n_shared_experts: 2, num_experts_per_tok: 6, first_k_dense_replace: 1 },
      ...{ q_lora_rank: null, topk_method: 'greedy', n_group: 1, topk_group: 1, max_position_embeddings: 163_840 },
      // biome-ignore lint/suspicious/noApproximativeNumericConstant: the release's own number
      rope_scaling: { ...YARN, mscale: 0.707, mscale_all_dim: 0.707 },
    },
    shapes: {
      ...around(102_400, hidden),
      ...layersOf(27, (at, layer) => ({
        ...norms(at, hidden),
        ...latent(`${at}.self_attn`, hidden, 16),
        ...(layer === 0
          ? mlp(`${at}.mlp`, hidden, 10_944)
          : {
              [`${at}.mlp.gate.weight`]: [64, hidden],
              ...mlp(`${at}.mlp.shared_experts`, hidden, 2816),
              ...Object.assign(
                {},
                ...Array.from({ length: 64 }, (_, e) => mlp(`${at}.mlp.experts.${e}`, hidden, 1408)),
              ),
            }),
      })),
    },
  };
}

/** As it was released in FP8, experts fused as the newer library writes them (a tenth of the header), with its layer for prediction. */
function deepseekV3(): Release {
  const hidden = 7168;
  const plain = /norm|embed|lm_head|mlp\.gate\.|scale_inv/;
  const weights: Shapes = {
    ...around(129_280, hidden),
    'model.layers.61.eh_proj.weight': [hidden, 2 * hidden],
    ...layersOf(61, (at, layer) => ({
      ...norms(at, hidden),
      ...latent(`${at}.self_attn`, hidden, 128, 1536),
      ...(layer < 3
        ? mlp(`${at}.mlp`, hidden, 18_432)
        : {
            [`${at}.mlp.gate.weight`]: [256, hidden],
            [`${at}.mlp.gate.e_score_correction_bias`]: [256],
            ...mlp(`${at}.mlp.shared_experts`, hidden, 2048),
            [`${at}.mlp.experts.gate_up_proj`]: [256, 4096, hidden],
            [`${at}.mlp.experts.down_proj`]: [256, hidden, 2048],
          }),
    })),
  };
  const scales = Object.entries(weights).flatMap(([name, shape]) =>
    plain.test(name) ? [] : [[`${name}_scale_inv`, float8ScaleShape(shape)] as const],
  );
  return {
    config: {
      ...{ model_type: 'deepseek_v3', num_hidden_layers: 61, max_position_embeddings: 163_840 },
      rope_scaling: { ...YARN, mscale: 1, mscale_all_dim: 1 },
    },
    shapes: { ...weights, ...Object.fromEntries(scales) },
    dtypeOf: (name) => (name.includes('scale_inv') ? 'F32' : plain.test(name) ? 'BF16' : 'F8_E4M3'),
  };
}

function gptOss(layers: number, experts: number): Release {
  const hidden = 2880;
  const biased = (name: string, rows: number, columns: number): Shapes => ({
    [`${name}.weight`]: [rows, columns],
    [`${name}.bias`]: [rows],
  });
  const packed = (name: string, rows: number): Shapes => ({
    [`${name}_blocks`]: [experts, rows, 90, 16],
    [`${name}_scales`]: [experts, rows, 90],
    [`${name}_bias`]: [experts, rows],
  });
  return {
    config: { model_type: 'gpt_oss', num_hidden_layers: layers, num_local_experts: experts },
    shapes: {
      ...around(201_088, hidden),
      ...layersOf(layers, (at) => ({
        ...norms(at, hidden),
        ...biased(`${at}.self_attn.q_proj`, 4096, hidden),
        ...biased(`${at}.self_attn.k_proj`, 512, hidden),
        ...biased(`${at}.self_attn.v_proj`, 512, hidden),
        ...biased(`${at}.self_attn.o_proj`, hidden, 4096),
        [`${at}.self_attn.sinks`]: [64],
        ...biased(`${at}.mlp.router`, experts, hidden),
        ...packed(`${at}.mlp.experts.gate_up_proj`, 5760),
        ...packed(`${at}.mlp.experts.down_proj`, hidden),
      })),
    },
    dtypeOf: (name) => (/_blocks$|_scales$/.test(name) ? 'U8' : 'BF16'),
  };
}

const RELEASES = {
  'DeepSeek-V2-Lite': deepseekV2Lite,
  'DeepSeek-V3': deepseekV3,
  'gpt-oss-20b': () => gptOss(24, 32),
  'gpt-oss-120b': () => gptOss(36, 128),
};
type ReleaseName = keyof typeof RELEASES;

const opened = new Map<ReleaseName, ReturnType<typeof inspectModel>>();

function open(name: ReleaseName): ReturnType<typeof inspectModel> {
  const known = opened.get(name);
  if (known !== undefined) return known;
  const { config, shapes, dtypeOf } = RELEASES[name]();
  const folder = writeHeaderOnly(config, shapes, dtypeOf);
  const inspected = inspectModel(folder);
  rmSync(folder, { recursive: true });
  opened.set(name, inspected);
  return inspected;
}

describe('releases, from headers of their shapes', () => {
  it.each<[ReleaseName, number, number, number, number]>([
    ['DeepSeek-V2-Lite', 15_706_484_224, 14_394_851_328, 27 * 576, 17_301_504],
    // The published count leaves the biases of choice out, 58 of 256.
    ['DeepSeek-V3', 671_026_404_352 + 14_848, 653_908_770_816, 61 * 576, 44_040_192 + 2688 * 4],
    ['gpt-oss-20b', 20_914_757_184, 19_116_933_120, 24 * 1024, 13_236_480],
    ['gpt-oss-120b', 116_829_156_672, 114_701_598_720, 36 * 1024, 13_236_480],
  ])(
    '%s: parameters, what a device would hold of them, an expert as stored',
    (name, parameters, expertParameters, kvFloats, expertBytes) => {
      const { summary, stored } = open(name);
      expect(stored.perExpert).toBe(expertBytes);
      expect(summary.parameters).toBe(parameters);
      const { embedding, attention, otherDense, perExpert, kvPerToken } = summary.deviceBytes;
      expect(perExpert * summary.experts * summary.moeLayers.length).toBe(expertParameters * 4);
      expect(embedding + attention + otherDense).toBe((parameters - expertParameters) * 4);
      expect(kvPerToken).toBe(kvFloats * 4);
    },
  );

  it('DeepSeek scales scores by m^2, YaRN has the known frequencies', () => {
    const attentionOf = (name: ReleaseName) => {
      const attention = decoderOf(open(name).spec).layers[0]?.attention;
      if (attention?.positions.kind !== 'rope') throw new Error('no rope');
      return { scale: attention.scale, ...attention.positions };
    };
    const near = (frequencies: Float64Array, wanted: Readonly<Record<number, number>>) => {
      for (const [i, value] of Object.entries(wanted))
        expect((frequencies[Number(i)] as number) / value).toBeCloseTo(1, 7);
    };
    expect(attentionOf('DeepSeek-V2-Lite').scale).toBeCloseTo(0.11472138679, 10);
    const v3 = attentionOf('DeepSeek-V3');
    expect(v3.scale).toBeCloseTo(0.13523377886, 10);
    expect(v3.attentionFactor).toBe(1);
    near(v3.inverseFrequency, { 11: 0.0390069266, 15: 0.008334509, 22: 1.77827941e-4, 31: 3.333803581e-6 });
    const oss = attentionOf('gpt-oss-20b');
    expect(oss.attentionFactor).toBeCloseTo(1.3465735902799727, 12);
    near(oss.inverseFrequency, {
      1: 0.6890443059,
      9: 0.0317056962,
      12: 0.0067949595,
      18: 3.8308812e-5,
      31: 3.0235114e-7,
    });
  });
});
