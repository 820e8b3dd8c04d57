import type { PlacementRow, PlacementTable } from '../../../engine/protocol/labs.ts';

const row = (own: Partial<PlacementRow> & Pick<PlacementRow, 'method' | 'title'>): PlacementRow => ({
  says: '',
  redundant: 0,
  maxLoad: 0.6,
  avgMaxLoad: 0.38,
  historyMaxLoad: 0.58,
  historyAvgMaxLoad: 0.37,
  expertsPerDevice: [16, 16, 16, 16],
  missRate: [0.2, 0.22, 0.18, 0.25],
  largestShare: [0.36, 0.4, 0.38],
  ...own,
});

export const CONTIGUOUS = row({ method: 'contiguous', title: 'Contiguous' });
export const COVARIANCE = row({
  method: 'covariance',
  title: 'Mean and covariance',
  avgMaxLoad: 0.33,
  historyAvgMaxLoad: 0.26,
});
export const LEVELLED = row({
  method: 'levelled',
  title: 'Replicas, levelled',
  redundant: 8,
  maxLoad: 0.45,
  avgMaxLoad: 0.285,
  historyMaxLoad: 0.4,
  historyAvgMaxLoad: 0.28,
  expertsPerDevice: [18, 18, 18, 18],
  missRate: [0.1, 0.12, 0.11, 0.12],
  largestShare: [0.29, 0.28, 0.285],
});

export const PLACEMENT: PlacementTable = {
  subject: {
    source: 'trace',
    name: 'trace.jsonl',
    model: 'some-moe',
    steps: 48,
    tokens: 48,
    moeLayers: Array.from({ length: 4 }, (_, block) => ({ stack: 'decoder', block })),
    experts: 64,
    topK: 4,
    devices: 1,
    routing: 'recorded',
  },
  how: 'replayed',
  devices: 4,
  slots: 8,
  batchTokens: 8,
  history: { batches: 3 },
  scored: { batches: 3 },
  rows: [CONTIGUOUS, COVARIANCE, LEVELLED],
  scaling: { meanLoad: 0.004, literal: 0.04, perExpert: 0.0002 },
  speedSays: 'Tokens/s are not projected: the source has no measured steps.',
  warnings: [],
};
