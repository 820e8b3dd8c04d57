import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import { hasChatTemplate } from '../checkpoint/chat_template.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import { fingerprint } from '../checkpoint/fingerprint.ts';
import { readGenerationDefaults } from '../checkpoint/generation.ts';
import { openTokenizer, type TextTokenizer } from '../checkpoint/tokenizer.ts';
import { denseBytes } from '../device/cpu/dense.ts';
import { expertBytes } from '../device/cpu/experts.ts';
import { readModelSpec } from '../families/family.ts';
import { encoderOf, expertWeights, type ModelSpec, type MoeLayer, moeLayers } from '../families/spec.ts';
import type { ModelSummary } from '../protocol/model.ts';
import { embeddingBytes } from '../rank/embedding.ts';
import { type Inspected, storedBytes } from './fit.ts';
import { kvBytesPerToken } from './kv_bytes.ts';
import { openSourceTokenizer, readTranslation, type Translation } from './translation.ts';

/** A model folder, checked and ready to run: nothing of its weights has been read. */
export interface OpenModel {
  readonly spec: ModelSpec;
  readonly summary: ModelSummary;
  readonly tokenizer: TextTokenizer;
  readonly endTokens: ReadonlySet<number>;
  /** Of an encoder-decoder. */
  readonly translation?: Translation;
}

/** @throws EngineRefusal naming the file and the remedy */
export function openModel(folder: string): OpenModel {
  const { spec, summary } = inspectModel(folder);
  const { endTokens } = readGenerationDefaults(folder);
  const translation = readTranslation(folder, spec);
  if (translation === undefined) return { spec, summary, tokenizer: openTokenizer(folder), endTokens };
  const [endToken] = endTokens;
  return { spec, summary, tokenizer: openSourceTokenizer(folder, translation, endToken), endTokens, translation };
}

/** Headers and config only. */
export function inspectModel(folder: string): Inspected {
  const checkpoint = openCheckpoint(folder);
  try {
    const spec = readModelSpec(folder, checkpoint);
    return { spec, summary: summarise(folder, spec, checkpoint), stored: storedBytes(spec, checkpoint) };
  } finally {
    checkpoint.close();
  }
}

function summarise(folder: string, spec: ModelSpec, checkpoint: Checkpoint): ModelSummary {
  const moe = moeLayers(spec);
  const [first] = moe as [MoeLayer];
  const { feedForward } = first;
  const { sampling } = readGenerationDefaults(folder);
  const [firstWeight] = expertWeights(feedForward.expert(0));
  return {
    name: path.basename(path.resolve(folder)),
    path: path.resolve(folder),
    family: spec.family,
    fingerprint: fingerprint(folder, checkpoint.tensors),
    layers: spec.stacks.reduce((sum, stack) => sum + stack.layers.length, 0),
    moeLayers: moe.map(({ stack, block }) => ({ stack, block })),
    experts: feedForward.experts,
    topK: feedForward.rule.topK,
    hiddenSize: spec.hiddenSize,
    vocabSize: spec.vocabSize,
    contextTokens: spec.contextTokens,
    parameters: countParameters(spec, checkpoint),
    dtype: checkpoint.tensors.get(firstWeight?.tensor ?? '')?.dtype ?? 'F32',
    storedBytes: checkpoint.storedBytes,
    deviceBytes: {
      embedding: embeddingBytes(spec),
      ...weightBytes(spec, 'fp32'),
      kvPerToken: kvBytesPerToken(spec),
    },
    lowBitBytes: {
      fp16: weightBytes(spec, 'fp16'),
      int8: weightBytes(spec, 'int8'),
      int4: weightBytes(spec, 'int4'),
    },
    ...(sampling && { sampling }),
    ...(hasChatTemplate(folder) && { chat: true }),
    ...pairSummary(folder, spec),
  };
}

/** What a CPU device holds; an expert's bytes are the mean over layers. */
function weightBytes(spec: ModelSpec, precision: WeightPrecision) {
  const moe = moeLayers(spec);
  const experts = moe.reduce((sum, layer) => sum + expertBytes(layer, spec.hiddenSize, precision), 0);
  return { ...denseBytes(spec, precision), perExpert: experts / moe.length };
}

/** Values of all tensors that the model needs: a tied embedding counts once, further predictors not at all. */
function countParameters({ ignoredTensors, embedding, head }: ModelSpec, { tensors }: Checkpoint): number {
  const ignored = new Set(ignoredTensors);
  ignored.delete(embedding.tensor);
  ignored.delete(head.weight.tensor);
  let parameters = 0;
  for (const [name, { shape }] of tensors)
    if (!ignored.has(name)) parameters += shape.reduce((product, dim) => product * dim, 1);
  return parameters;
}

/** Samples, and what a window must know of an encoder-decoder: of samples in several languages, sources are in one. */
function pairSummary(folder: string, spec: ModelSpec) {
  const encoder = encoderOf(spec);
  const samples = sampleNames(folder);
  if (encoder === undefined) return { samples };
  const targetLanguages = [...(readTranslation(folder, spec)?.targets.keys() ?? [])];
  const references = new Set(targetLanguages.map((name) => name.slice(0, 3)));
  return {
    encoderLayers: encoder.layers.length,
    targetLanguages,
    samples: samples.filter((name) => !references.has(name)),
  };
}

function sampleNames(folder: string): string[] {
  const samples = path.join(folder, 'samples');
  if (!existsSync(samples)) return [];
  return readdirSync(samples)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => name.slice(0, -'.txt'.length))
    .sort();
}
