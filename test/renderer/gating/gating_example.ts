import type { GatingRow, GatingTable } from '../../../engine/protocol/labs.ts';

const PHASES: GatingRow['phaseMs'] = {
  attention: 2,
  gate: 0.5,
  reorder: 0.25,
  exchange: 0,
  load: 0,
  experts: 2,
  combine: 0.25,
  head: 1,
  other: 0,
};

const MIB = 2 ** 20;

/** 32 tokens, k = 4, E = 64: static at C = 0.8 pads to 64 * 26 slots, and drops 3 of 128 pairs. */
export const STATIC: GatingRow = {
  policy: 'static',
  title: 'Static',
  slots: 1664,
  realRows: 125,
  paddingRows: 1539,
  droppedPairs: 3,
  wasteFactor: 13,
  exchangedBytes: 2 * MIB,
  stepMs: 12,
  phaseMs: { ...PHASES, gate: 5, experts: 3.5 },
  tokensPerSecond: 2667,
  peakBytes: 80 * MIB,
  activationBytes: 6 * MIB,
};

export const DYNAMIC: GatingRow = {
  policy: 'dynamic',
  title: 'Dynamic',
  slots: 128,
  realRows: 128,
  paddingRows: 0,
  droppedPairs: 0,
  wasteFactor: 1,
  exchangedBytes: MIB / 8,
  stepMs: 6,
  phaseMs: PHASES,
  tokensPerSecond: 5333,
  peakBytes: 75 * MIB,
  activationBytes: MIB,
};

export const GATING: GatingTable = {
  model: 'demo-lm',
  how: 'measured',
  capacity: 0.8,
  tutelFactor: 0,
  tokensPerStep: 32,
  rows: [STATIC, DYNAMIC],
  throughput: [
    { policy: 'dynamic', batch: 32, tokensPerSecond: 6000 },
    { policy: 'dynamic', batch: 8, tokensPerSecond: 4000 },
    { policy: 'static', batch: 8, tokensPerSecond: 2000 },
    { policy: 'static', batch: 32, tokensPerSecond: null },
  ],
  quality: [
    { capacity: 1, perplexity: 18, droppedShare: 0 },
    { capacity: 0.05, perplexity: 45, droppedShare: 0.41 },
    { capacity: 0.25, perplexity: 18.1, droppedShare: 0.02 },
  ],
  warnings: [],
};
