import { EngineRefusal } from '../api.ts';
import { GATING_POLICIES } from '../gating/policies.ts';
import type { GatingLabParams, GatingTable } from '../protocol/labs.ts';
import { GatingName, type GatingSettings } from '../protocol/settings.ts';
import { compareGating } from './compare_gating.ts';
import { stepTokens } from './lab_rank.ts';
import type { OpenModel } from './open_model.ts';
import { measurePerplexity } from './perplexity.ts';
import { openPrompts } from './prompts.ts';

/** Tokens of a sequence in a step. */
const SEQUENCE_TOKENS = 32;
const ROUNDS = 3;
/** Timed steps for a point of the throughput curve. */
const CURVE_ROUNDS = 2;
/** Static gating at C = 1 runs every expert on every token: the work of a step grows with all of them. */
const QUALITY = { sequences: 8, batch: 4, tokens: 64 };
/** Shares of the work, about. */
const COMPARED = 0.3;
const CURVED = 0.8;

export interface LabSteps {
  readonly rankEntry: string;
  readonly budgetBytes?: number;
  /** Awaited between steps; throws to end the lab. */
  readonly pause: (fraction: number, text: string) => Promise<void>;
}

/**
 * Every gating policy on the open model: the same held-out text through all of them, executed on a CPU device. Slots, rows, drops
 * and bytes are counted, times and peaks measured; throughput over batch sizes; perplexity against the capacity of static gating.
 */
export async function gatingLab(model: OpenModel, params: GatingLabParams, steps: LabSteps): Promise<GatingTable> {
  const { capacity, tutelFactor, batch } = params;
  const { rankEntry, budgetBytes, pause } = steps;
  const policies = GatingName.options.map((gating): GatingSettings => ({ gating, capacity, tutelFactor }));
  const shared = { rankEntry, policies, ...(budgetBytes !== undefined && { budgetBytes }) };
  const sequences = heldOut(model, batch, SEQUENCE_TOKENS);
  const rows = await compareGating(model, {
    ...shared,
    sequences,
    rounds: ROUNDS,
    pause: (done, title) => pause(COMPARED * done, title),
  });
  const warnings = policies.flatMap(({ gating }, index) =>
    rows[index] === undefined
      ? [`${GATING_POLICIES[gating].title}: ${batch} sequences a step do not fit the device's budget.`]
      : [],
  );
  const throughput: GatingTable['throughput'][number][] = [];
  const batches = [...new Set(params.batches)].sort((a, b) => a - b);
  for (const [index, size] of batches.entries()) {
    const found = await compareGating(model, {
      ...shared,
      sequences: heldOut(model, size, SEQUENCE_TOKENS),
      rounds: CURVE_ROUNDS,
      pause: (done, title) =>
        pause(COMPARED + ((CURVED - COMPARED) * (index + done)) / batches.length, `${title}, batch ${size}`),
    });
    for (const [at, { gating }] of policies.entries()) {
      throughput.push({ policy: gating, batch: size, tokensPerSecond: found[at]?.tokensPerSecond ?? null });
    }
  }
  if (model.translation !== undefined && params.capacities.length > 0)
    warnings.push('Perplexity is measured for language models only.');
  return {
    model: model.summary.name,
    how: 'measured',
    capacity,
    tutelFactor,
    tokensPerStep: stepTokens(model, sequences),
    rows: rows.filter((row) => row !== undefined),
    throughput,
    quality: await qualityOf(model, params.capacities, steps),
    warnings,
  };
}

/** Perplexity on held-out text under static gating, by capacity; points that do not fit the budget are left out. */
async function qualityOf(
  model: OpenModel,
  capacities: readonly number[],
  { rankEntry, budgetBytes, pause }: LabSteps,
): Promise<GatingTable['quality']> {
  if (model.translation !== undefined || capacities.length === 0) return [];
  const found = await measurePerplexity(model, {
    rankEntry,
    ...(budgetBytes !== undefined && { budgetBytes }),
    sequences: heldOut(model, QUALITY.sequences, QUALITY.tokens),
    batch: QUALITY.batch,
    gating: capacities.map((capacity) => ({ gating: 'static', capacity, tutelFactor: 0 })),
    pause: (done, text) => pause(CURVED + (1 - CURVED) * done, text),
  });
  return capacities.flatMap((capacity, index) => {
    const point = found[index];
    if (point === undefined) return [];
    return [{ capacity, perplexity: point.perplexity, droppedShare: point.droppedShare }];
  });
}

/**
 * Text that the model was not trained on: its samples, a piece of each in turn.
 * @throws EngineRefusal where the model comes without samples
 */
export function heldOut({ summary, tokenizer }: OpenModel, sequences: number, tokens: number): Int32Array[] {
  if (summary.samples.length === 0) {
    throw new EngineRefusal(
      `${summary.name}/samples: gating is compared on the model's held-out text; put a .txt file there.`,
    );
  }
  const source = { prompts: { kind: 'sample', name: 'mixed' }, promptCount: sequences, promptTokens: tokens } as const;
  const queue = openPrompts(summary, tokenizer, source);
  return Array.from({ length: sequences }, () => queue.take().tokens);
}
