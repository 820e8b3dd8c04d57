import type { Params } from '../../engine/protocol/messages.ts';
import type { PrecisionTable } from '../../engine/protocol/precision.ts';
import type { Precision } from '../../engine/protocol/settings.ts';

const STORED: Precision = { experts: 'stored', dense: 'stored' };

/** Fewer bits: smaller, a little worse, a little slower. */
export function fakePrecision({ precisions, sequences, tokens, batch }: Params<'precisionLab'>): PrecisionTable {
  const rows = [STORED, ...precisions].map((precision, index) => ({
    precision,
    bytesPerExpert: 144 * 1024 * (1 - 0.15 * index),
    denseBytes: 8e6,
    perplexity: 40.8 + 0.31 * index,
    agreementByLayer: [1 - 0.04 * index],
    agreement: 1 - 0.04 * index,
    wholeAgreement: 1 - 0.1 * index,
    prefillTokensPerSecond: 2400 - 100 * index,
    decodeTokensPerSecond: 610 - 30 * index,
  }));
  return {
    model: 'demo-lm',
    how: 'measured',
    text: 'held-out samples',
    tokens: sequences * tokens,
    batch,
    rows,
    warnings: [],
  };
}
