import { EngineRefusal } from '../api.ts';
import type { ConfigReader } from '../checkpoint/config.ts';
import type { RouterRule } from '../gating/router.ts';
import type { GroupedAttentionSpec } from './attention_spec.ts';
import type { ActivationName, ExpertSpec, FeedForwardSpec, LayerSpec, NormSpec } from './spec.ts';
import type { TensorCheck } from './tensor_check.ts';

/** LayerNorm's epsilon is the library's default: no config names it. */
const EPSILON = 1e-5;

/** Layers in the manner of fairseq: LayerNorm before each part, biases everywhere, feed-forward of two matrices. */
export interface LayerShape {
  readonly hidden: number;
  readonly heads: number;
  readonly width: number;
  readonly activation: ActivationName;
  readonly layers: number;
  /** Layer i is sparse where (i + 1) mod step is 0; none where step is 0. */
  readonly sparseStep: number;
  readonly experts: number;
  readonly rule: RouterRule;
  readonly routerBias: boolean;
  readonly cross: boolean;
}

/** @param prefix of the stack's tensors, such as `model.decoder` */
export function readLayers(check: TensorCheck, prefix: string, shape: LayerShape): LayerSpec[] {
  const { hidden, heads, cross, layers } = shape;
  return Array.from({ length: layers }, (_, block): LayerSpec => {
    const at = `${prefix}.layers.${block}`;
    return {
      block,
      attentionNorm: layerNorm(check, `${at}.self_attn_layer_norm`, hidden),
      attention: attention(check, `${at}.self_attn`, hidden, heads),
      ...(cross && {
        crossAttention: {
          norm: layerNorm(check, `${at}.cross_attention_layer_norm`, hidden),
          attention: attention(check, `${at}.cross_attention`, hidden, heads),
        },
      }),
      feedForwardNorm: layerNorm(check, `${at}.ff_layer_norm`, hidden),
      feedForward: feedForward(check, `${at}.ffn`, shape, block),
      residualMultiplier: 1,
    };
  });
}

export function layerNorm(check: TensorCheck, name: string, hidden: number): NormSpec {
  return {
    kind: 'layer',
    gain: check.weight(`${name}.weight`, [hidden]),
    bias: check.weight(`${name}.bias`, [hidden]),
    epsilon: EPSILON,
  };
}

export function readActivation(config: ConfigReader, key: string): ActivationName {
  const names: Readonly<Record<string, ActivationName>> = {
    relu: 'relu',
    gelu: 'gelu',
    gelu_new: 'gelu-tanh',
    gelu_pytorch_tanh: 'gelu-tanh',
    silu: 'silu',
    swish: 'silu',
  };
  const name = config.string(key, 'relu');
  const known = Object.hasOwn(names, name) ? names[name] : undefined;
  if (known !== undefined) return known;
  throw new EngineRefusal(
    `${config.name}: ${key} is "${name}" and not supported here; supported is ${Object.keys(names).join(', ')}.`,
  );
}

function attention(check: TensorCheck, prefix: string, hidden: number, heads: number): GroupedAttentionSpec {
  const headDim = hidden / heads;
  const projection = (part: string) => ({
    weight: check.weight(`${prefix}.${part}_proj.weight`, [hidden, hidden]),
    bias: check.weight(`${prefix}.${part}_proj.bias`, [hidden]),
    inFeatures: hidden,
    outFeatures: hidden,
  });
  return {
    kind: 'grouped',
    heads,
    kvHeads: heads,
    headDim,
    query: projection('q'),
    key: projection('k'),
    value: projection('v'),
    output: projection('out'),
    scale: headDim ** -0.5,
    positions: { kind: 'none' },
  };
}

function feedForward(check: TensorCheck, prefix: string, shape: LayerShape, block: number): FeedForwardSpec {
  const { hidden, width, sparseStep, experts, rule, routerBias, activation } = shape;
  const mlp = (at: string): ExpertSpec => ({
    kind: 'mlp',
    first: check.weight(`${at}.fc1.weight`, [width, hidden]),
    firstBias: check.weight(`${at}.fc1.bias`, [width]),
    second: check.weight(`${at}.fc2.weight`, [hidden, width]),
    secondBias: check.weight(`${at}.fc2.bias`, [hidden]),
    activation,
  });
  if (sparseStep === 0 || (block + 1) % sparseStep !== 0) return { kind: 'dense', expert: mlp(prefix), width };
  const all = Array.from({ length: experts }, (_, id) => mlp(`${prefix}.experts.expert_${id}`));
  const router = `${prefix}.router.classifier`;
  return {
    kind: 'moe',
    router: {
      weight: check.weight(`${router}.weight`, [experts, hidden]),
      ...(routerBias && { bias: check.weight(`${router}.bias`, [experts]) }),
      inFeatures: hidden,
      outFeatures: experts,
    },
    rule,
    experts,
    width,
    expert: (id) => all[id] as ExpertSpec,
  };
}
