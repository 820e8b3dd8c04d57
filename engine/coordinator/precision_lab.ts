import { EngineRefusal } from '../api.ts';
import { NO_EXPERT } from '../gating/router.ts';
import { bytesHeld } from '../protocol/model.ts';
import type { PrecisionLabParams, PrecisionRow, PrecisionTable } from '../protocol/precision.ts';
import { DEFAULT_RUN, type Precision, STORED_PRECISION } from '../protocol/settings.ts';
import { holdExpertPack } from './expert_pack.ts';
import { heldOut, type LabSteps } from './gating_lab.ts';
import { LabRank, slotsForSteps } from './lab_rank.ts';
import type { OpenModel } from './open_model.ts';
import { LossSum } from './perplexity.ts';

/** Decode steps that are timed, and those before that warm up. */
const DECODE_STEPS = 16;
const WARM_STEPS = 2;

export interface PrecisionSteps extends LabSteps {
  readonly packsDir: string;
}

/** What one precision did with the text. */
interface Pass {
  readonly perplexity: number | null;
  /** Chosen experts by step [layers, tokens, topK]. */
  readonly ids: readonly Uint16Array[];
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

/**
 * The price of few bits: the same tokens through the model at every precision, executed on a CPU device under dynamic gating. The
 * precisions run one after the other, since two of a large model may not fit beside each other: speeds are compared across minutes.
 * @throws EngineRefusal where the model has no samples and no text is given, or not even the stored precision fits
 */
export async function precisionLab(
  model: OpenModel,
  params: PrecisionLabParams,
  steps: PrecisionSteps,
): Promise<PrecisionTable> {
  const sequences = pieces(model, params);
  const precisions = [STORED_PRECISION, ...params.precisions];
  const warnings: string[] = [];
  const rows: PrecisionRow[] = [];
  let stored: Pass | undefined;
  for (const [index, precision] of precisions.entries()) {
    const pause = (done: number, text: string) => steps.pause((index + done) / precisions.length, text);
    const pass = await passAt(model, precision, sequences, params.batch, { ...steps, pause }, warnings);
    if (pass === undefined) continue;
    stored ??= pass;
    const { perplexity, prefillTokensPerSecond, decodeTokensPerSecond } = pass;
    const held = bytesHeld(model.summary, precision);
    rows.push({
      precision,
      bytesPerExpert: held.perExpert,
      denseBytes: held.embedding + held.attention + held.otherDense,
      perplexity,
      ...agreementOf(model, stored.ids, pass.ids),
      prefillTokensPerSecond,
      decodeTokensPerSecond,
    });
  }
  if (model.translation !== undefined) warnings.push('Perplexity is measured for language models only.');
  return {
    model: model.summary.name,
    how: 'measured',
    text: params.text === undefined ? 'held-out samples' : 'given text',
    tokens: sequences.reduce((sum, { length }) => sum + length, 0),
    batch: params.batch,
    rows,
    warnings,
  };
}

/** Pieces of the text, each of at least two tokens. */
function pieces(model: OpenModel, { text, sequences, tokens }: PrecisionLabParams): Int32Array[] {
  const most = Math.min(tokens, model.spec.contextTokens - DECODE_STEPS - WARM_STEPS);
  if (text === undefined) return heldOut(model, sequences, most);
  const ids = model.tokenizer.encode(text);
  const cut: Int32Array[] = [];
  for (let at = 0; at + 1 < ids.length && cut.length < sequences; at += most)
    cut.push(Int32Array.from(ids.slice(at, at + most)));
  const whole = cut.filter(({ length }) => length > 1);
  if (whole.length === 0) throw new EngineRefusal('text: it has fewer than two tokens; give a longer one.');
  return whole;
}

/** @returns undefined, with a warning, where a step does not fit the device's budget */
async function passAt(
  model: OpenModel,
  precision: Precision,
  sequences: readonly Int32Array[],
  batch: number,
  { rankEntry, budgetBytes, packsDir, pause }: PrecisionSteps,
  warnings: string[],
): Promise<Pass | undefined> {
  const name = `experts ${precision.experts}, dense ${precision.dense}`;
  const { experts } = model.summary;
  const slots = await slotsForSteps(
    model,
    precision,
    sequences.slice(0, batch),
    DECODE_STEPS + WARM_STEPS,
    budgetBytes,
  );
  if (slots === 0) {
    const sentence = `${name}: ${batch} sequences a step do not fit the device's budget`;
    if (precision === STORED_PRECISION) throw new EngineRefusal(`${sentence}; lower the batch.`);
    warnings.push(`${sentence}.`);
    return undefined;
  }
  // Where all fit, each is loaded once, and rounding it on the way costs less than a pack.
  const pack = slots < experts ? await holdExpertPack(model, precision, packsDir, pause) : undefined;
  if (slots < experts) warnings.push(`${name}: ${slots} of ${experts} experts a layer fit; its speeds include loads.`);
  try {
    const rank = await LabRank.open(model, rankEntry, budgetBytes, precision, pack?.folder);
    try {
      await rank.gate(DEFAULT_RUN, slots);
      return await measure(model, rank, sequences, batch, (done) => pause(done, `Measuring ${name}`));
    } finally {
      await rank.close();
    }
  } finally {
    pack?.release();
  }
}

async function measure(
  { spec, translation }: OpenModel,
  rank: LabRank,
  sequences: readonly Int32Array[],
  batch: number,
  pause: (done: number) => Promise<void>,
): Promise<Pass> {
  const losses = new LossSum(spec.vocabSize);
  const ids: Uint16Array[] = [];
  const prefill: number[] = [];
  const steps = Math.ceil(sequences.length / batch);
  for (let step = 0; step < steps; step++) {
    await pause(step / steps);
    const rows = sequences.slice(step * batch, (step + 1) * batch);
    const result = await rank.run(rows, { logits: translation === undefined });
    ids.push(result.ids);
    if (result.logits !== undefined) losses.add(rows, result.logits);
    // Experts come with the first steps; a single step has nothing else to tell.
    prefill.push((1000 * result.tokens) / result.durationMs);
  }
  const decode: number[] = [];
  for (let step = 0; step < DECODE_STEPS + WARM_STEPS; step++) {
    const { tokens, durationMs } = await rank.decode();
    if (step >= WARM_STEPS) decode.push((1000 * tokens) / durationMs);
  }
  return {
    perplexity: translation === undefined ? losses.perplexity : null,
    ids,
    prefillTokensPerSecond: median(prefill.length > 2 ? prefill.slice(1) : prefill),
    decodeTokensPerSecond: median(decode),
  };
}

/** Sets are compared, not orders: what an expert gives a token does not depend on its place among them. */
function agreementOf(
  { summary }: OpenModel,
  stored: readonly Uint16Array[],
  ids: readonly Uint16Array[],
): Pick<PrecisionRow, 'agreementByLayer' | 'agreement' | 'wholeAgreement'> {
  const layers = summary.moeLayers.length;
  const { topK } = summary;
  const same = new Array<number>(layers).fill(0);
  const routed = new Array<number>(layers).fill(0);
  let [whole, tokens] = [0, 0];
  for (const [step, wanted] of stored.entries()) {
    const got = ids[step] as Uint16Array;
    const count = wanted.length / (layers * topK);
    for (let token = 0; token < count; token++) {
      let unchanged = true;
      for (let layer = 0; layer < layers; layer++) {
        const at = (layer * count + token) * topK;
        const before = wanted.subarray(at, at + topK);
        // A token of an encoder-decoder passes the layers of one stack.
        if (before[0] === NO_EXPERT) continue;
        routed[layer] = (routed[layer] as number) + 1;
        if (isSameSet(before, got.subarray(at, at + topK))) same[layer] = (same[layer] as number) + 1;
        else unchanged = false;
      }
      tokens++;
      if (unchanged) whole++;
    }
  }
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
  return {
    agreementByLayer: same.map((count, layer) => count / Math.max(1, routed[layer] as number)),
    agreement: total(same) / Math.max(1, total(routed)),
    wholeAgreement: whole / Math.max(1, tokens),
  };
}

function isSameSet(a: Uint16Array, b: Uint16Array): boolean {
  return a.every((id) => b.includes(id));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
