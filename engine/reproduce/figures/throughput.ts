import { GATING_POLICIES } from '../../gating/policies.ts';
import type { RowPlan } from '../../rank/messages.ts';
import type { Figure } from '../figure.ts';
import type { GatingVariant } from '../gating_trial.ts';
import { median } from '../median.ts';
import type { PaperShape } from '../shapes.ts';
import type { Trial } from '../trial.ts';

const ROUNDS = 3;
const MIB = 2 ** 20;

export interface ThroughputQuestion {
  readonly id: string;
  readonly title: string;
  readonly on: string;
  readonly shape: PaperShape;
  readonly hidden: number;
  readonly variants: readonly GatingVariant[];
  /** Batches; at `paperBatch` the device is just large enough for static gating, as the paper's machines were. */
  readonly batches: readonly number[];
  readonly paperBatch: number;
  /** Tokens of a sequence that the stack in question sees in a step. */
  readonly tokensEach: number;
  rows(batch: number): readonly RowPlan[];
}

/**
 * Throughput by gating policy and batch, with gaps where a policy's step buffers exceed the memory that static gating needs at the
 * paper's batch. What would not fit is not run: its need is the policy's own bound.
 */
export async function throughputFigure(trial: Trial, question: ThroughputQuestion): Promise<Figure> {
  const { id, title, on, variants, batches, paperBatch, tokensEach, rows } = question;
  const budget = scratchBytes(question, variants[0] as GatingVariant, paperBatch);
  const table: (number | null)[][] = [];
  for (const batch of batches) {
    const line: (number | null)[] = [batch];
    for (const variant of variants) {
      if (scratchBytes(question, variant, batch) > budget) {
        line.push(null);
        continue;
      }
      await trial.use(variant.gating);
      const plan = rows(batch);
      await trial.step(plan);
      const samples: number[] = [];
      for (let round = 0; round < ROUNDS; round++) samples.push((await trial.step(plan)).durationMs);
      line.push((1000 * batch * tokensEach) / median(samples));
    }
    table.push(line);
  }
  const largest = (index: number) => table.filter((line) => line[index + 1] !== null).at(-1)?.[0] ?? 0;
  return {
    id,
    title,
    paper:
      'Static gating stops at batch 8 (LM) and 48 (MT); dynamic gating reaches 64 and 96 and gains with the batch.',
    says: `In ${(budget / MIB).toFixed(0)} MiB of step buffers, what ${variants[0]?.name} gating needs at batch ${paperBatch}, it stops at batch ${largest(0)}, ${variants.at(-1)?.name} at ${largest(variants.length - 1)} of those tried.`,
    how: 'measured',
    on,
    columns: [{ name: 'batch' }, ...variants.map(({ name }) => ({ name, unit: 'tok/s' }))],
    rows: table,
    drawing: { kind: 'lines', x: 0, ys: variants.map((_, index) => index + 1) },
  };
}

/** Masks, sent rows and expert batches of one layer at the worst routing there can be. */
function scratchBytes(
  { shape, hidden, tokensEach }: ThroughputQuestion,
  { gating }: GatingVariant,
  batch: number,
): number {
  const { experts, topK } = shape;
  const tokens = batch * tokensEach;
  const call = { tokens, experts, topK, ranks: 1, expertsPerDevice: experts };
  const { sentRows, batchRows, maskFloats } = GATING_POLICIES[gating.gating].bound(call, gating);
  return 4 * (maskFloats + (sentRows + 2 * batchRows) * hidden);
}
