import { z } from 'zod';
import { Precision } from './settings.ts';

/** What the price of precision is asked about: the open model, on its held-out samples or a text that is given. */
export const PrecisionLabParams = z.object({
  /** Compared with the stored precision, which is measured first. */
  precisions: z
    .array(Precision)
    .min(1)
    .max(8)
    .default([
      { experts: 'fp16', dense: 'stored' },
      { experts: 'int8', dense: 'stored' },
      { experts: 'int4', dense: 'stored' },
      { experts: 'int8', dense: 'int8' },
      { experts: 'int4', dense: 'int4' },
    ]),
  text: z.string().min(1).max(4_000_000).optional(),
  /** Pieces of the text, all of which are measured at every precision. */
  sequences: z.int().min(1).max(4096).default(32),
  /** Of a piece. */
  tokens: z.int().min(2).max(1024).default(64),
  batch: z.int().min(1).max(64).default(8),
});
export type PrecisionLabParams = z.infer<typeof PrecisionLabParams>;

/** One precision on the same tokens as the others. Bytes are those of the ledger; the rest is measured. */
export interface PrecisionRow {
  readonly precision: Precision;
  /** Mean over layers. */
  readonly bytesPerExpert: number;
  readonly denseBytes: number;
  /** Of a language model, teacher-forced; null for an encoder-decoder. */
  readonly perplexity: number | null;
  /** Share of tokens whose set of experts is that of the stored precision: by layer [L], their mean, and in no layer another. */
  readonly agreementByLayer: readonly number[];
  readonly agreement: number;
  readonly wholeAgreement: number;
  /** Whole pieces, and a token of each piece a step. */
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

export interface PrecisionTable {
  readonly model: string;
  readonly how: 'measured';
  readonly text: 'held-out samples' | 'given text';
  /** Of all pieces, and of one step's rows. */
  readonly tokens: number;
  readonly batch: number;
  /** The stored precision first; one whose steps do not fit the device's budget is left out, with a warning. */
  readonly rows: readonly PrecisionRow[];
  readonly warnings: readonly string[];
}
