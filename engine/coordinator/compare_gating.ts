import { GATING_POLICIES } from '../gating/policies.ts';
import { routedPairs } from '../gating/router.ts';
import type { GatingRow, Phase, StackCounts } from '../protocol/labs.ts';
import type { GatingSettings } from '../protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES, STEP_PHASES } from '../protocol/telemetry.ts';
import type { StepResult } from '../rank/messages.ts';
import { gatingRounds, type RoundSteps } from './gating_rounds.ts';
import { LabRank, stepTokens } from './lab_rank.ts';
import type { OpenModel } from './open_model.ts';

const GATING_REORDER = LEDGER_CATEGORIES.indexOf('gatingReorder');
const EXECUTION = LEDGER_CATEGORIES.indexOf('expertExecution');

export interface CompareOptions {
  /** Bundle of rank/worker.ts. */
  readonly rankEntry: string;
  /** Token ids of each sequence of a step: S tokens together. In an encoder-decoder they are sources. */
  readonly sequences: readonly Int32Array[];
  readonly policies: readonly GatingSettings[];
  /** Timed steps per policy. */
  readonly rounds: number;
  /** Bytes the device may hold; its default when absent. */
  readonly budgetBytes?: number;
  /** Awaited between steps with the share done; may throw to end the comparison. */
  readonly pause?: (done: number, text: string) => Promise<void>;
}

/**
 * The same tokens through every policy on one CPU device, executed: one fresh rank, in rounds (gating_rounds.ts). Medians.
 * @returns a row for each policy in their order, undefined where its step does not fit the device's budget
 */
export async function compareGating(model: OpenModel, options: CompareOptions): Promise<(GatingRow | undefined)[]> {
  const { sequences, policies, rounds, pause } = options;
  const rank = await LabRank.open(model, options.rankEntry, options.budgetBytes);
  try {
    const slots = policies.map((gating) => rank.slotsFor(gating, sequences));
    const steps = await gatingRounds(policies.length, rounds, async (index, round) => {
      const gating = policies[index] as GatingSettings;
      const fit = slots[index] as number;
      if (fit === 0) return [];
      const done = (round * policies.length + index) / ((rounds + 1) * policies.length);
      await pause?.(done, GATING_POLICIES[gating.gating].title);
      await rank.gate(gating, fit);
      return [await rank.run(sequences, { profile: round === 0 })];
    });
    const tokens = stepTokens(model, sequences);
    return policies.map((gating, index) => {
      const { watched, timed } = steps[index] as RoundSteps;
      const [first] = watched;
      return first && gatingRow(model, gating, tokens, first, timed);
    });
  } finally {
    await rank.close();
  }
}

function gatingRow(
  { summary }: OpenModel,
  { gating }: GatingSettings,
  tokens: number,
  watched: StepResult,
  timed: readonly StepResult[],
): GatingRow {
  const { title, blockRows } = GATING_POLICIES[gating];
  const layers = summary.moeLayers.length;
  const routed = routedPairs(watched.ids);
  const stacks = stacksOf(summary, watched);
  const real = routed - watched.droppedPairs;
  // What a device pads itself, to whole blocks, does not cross.
  const crossing = blockRows > 1 ? real : watched.rows;
  const middle = [...timed].sort((a, b) => a.durationMs - b.durationMs)[
    Math.floor((timed.length - 1) / 2)
  ] as StepResult;
  return {
    policy: gating,
    title,
    ...countsOf(watched, routed, layers),
    ...(stacks && { stacks }),
    exchangedBytes: (2 * crossing * summary.hiddenSize * 4) / layers,
    stepMs: middle.durationMs,
    phaseMs: Object.fromEntries(STEP_PHASES.map((phase, at) => [phase, middle.phaseMs[at] as number])) as Record<
      Phase,
      number
    >,
    tokensPerSecond: (1000 * tokens) / middle.durationMs,
    ...peakOf(watched),
  };
}

function countsOf(
  { rows, droppedPairs }: Pick<StepResult, 'rows' | 'droppedPairs'>,
  routed: number,
  layers: number,
): StackCounts {
  const real = routed - droppedPairs;
  return {
    slots: rows / layers,
    realRows: real / layers,
    paddingRows: (rows - real) / layers,
    droppedPairs: droppedPairs / layers,
    wasteFactor: rows / routed,
  };
}

/** @returns undefined where experts are in one stack only */
function stacksOf({ moeLayers }: OpenModel['summary'], watched: StepResult): GatingRow['stacks'] {
  const { ids, encoder, rows, droppedPairs } = watched;
  const encoderLayers = moeLayers.filter(({ stack }) => stack === 'encoder').length;
  const decoderLayers = moeLayers.length - encoderLayers;
  if (encoderLayers === 0 || decoderLayers === 0) return undefined;
  const first = (ids.length / moeLayers.length) * encoderLayers;
  const decoder = { rows: rows - encoder.rows, droppedPairs: droppedPairs - encoder.droppedPairs };
  return {
    encoder: countsOf(encoder, routedPairs(ids.subarray(0, first)), encoderLayers),
    decoder: countsOf(decoder, routedPairs(ids.subarray(first)), decoderLayers),
  };
}

/** The ledger at its highest within a step. */
function peakOf({ profile, peakBytes }: StepResult): Pick<GatingRow, 'peakBytes' | 'activationBytes'> {
  const bytes = profile?.bytes ?? new Float64Array(0);
  let highest = -1;
  let activationBytes = 0;
  for (let at = 0; at < bytes.length; at += CATEGORY_COUNT) {
    let total = 0;
    for (let i = 0; i < CATEGORY_COUNT; i++) total += bytes[at + i] as number;
    if (total <= highest) continue;
    highest = total;
    activationBytes = (bytes[at + GATING_REORDER] as number) + (bytes[at + EXECUTION] as number);
  }
  return { peakBytes, activationBytes };
}
