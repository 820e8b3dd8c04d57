import type { ModelSummary } from '../../engine/protocol/model.ts';
import { EXPERTS, LAYERS, PER_EXPERT_BYTES } from './fake_workload.ts';

const MIB = 2 ** 20;

export const DEMO_MODEL: ModelSummary = {
  name: 'demo-lm',
  path: '/models/demo-lm',
  family: 'OLMoE',
  fingerprint: '0123456789abcdef',
  layers: LAYERS,
  moeLayers: Array.from({ length: LAYERS }, (_, block) => ({ stack: 'decoder' as const, block })),
  experts: EXPERTS,
  topK: 4,
  hiddenSize: 192,
  vocabSize: 8192,
  contextTokens: 1024,
  parameters: 24_000_000,
  dtype: 'BF16',
  storedBytes: 48 * MIB,
  deviceBytes: {
    embedding: 6 * MIB,
    attention: 9 * MIB,
    otherDense: 0.6 * MIB,
    perExpert: PER_EXPERT_BYTES,
    kvPerToken: 2 * LAYERS * 192 * 4,
  },
  samples: ['code', 'english', 'french', 'technical'],
};
