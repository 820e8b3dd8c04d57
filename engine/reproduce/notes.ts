import { SHAPES, scaled } from './shapes.ts';

/** What a reader must know before comparing; whole sentences. */
export const NOTES: readonly string[] = [
  'The paper measured V100 GPUs with fairseq; here one CPU thread runs ONNX Runtime. Absolute figures do not compare; ratios of one run do, and only they are claimed.',
  `The models are synthetic: experts, choices, capacity, interval of MoE layers and number of layers are the paper's; widths are divided (${SHAPES.map((shape) => `${shape.title} ${shape.hidden} to ${scaled(shape).hidden}`).join(', ')}) and the vocabulary is ${scaled(SHAPES[0] as (typeof SHAPES)[number]).vocab}. Weights are seeded random numbers.`,
  "Routing skew is taken from real traces (LM: Kimi-Linear, each of its 256 experts standing for two; MT: gpt-oss-120b): who is popular, not when. Token ids follow the law of Zipf and Mandelbrot. The skew achieved stands beside the trace's own.",
  'The paper prints neither the length of its sequences nor that of its sentences: 128 and 10 tokens are ours. Static gating at C = 1 grows with the square of them.',
  "Tutel is taken with the static baseline's capacity (f = C E / k) and without drops (f = 0). The claims are against the first: the paper's MT encoder is 5.75x over static and 5.33x over Tutel, which lie that close only at one capacity. The other ratio is told beside each.",
  "At these widths an expert's time is reading its weights and one ONNX Runtime call, so rows of padding cost little: against Tutel, dynamic gating saves calls of experts without tokens rather than products. On the paper's GPUs a padded row cost as much as any other.",
  "A step that encodes also decodes each sentence's first token; the time of a decoder step under the same policy is taken off.",
  "Activation memory is what the ledger has under gating, reorder and expert execution; the attention's temporary tensors, equal under all policies, are not in it.",
  'No implementation of the paper was ever released; where its text leaves a choice, both readings are built and named.',
];
