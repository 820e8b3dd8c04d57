import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import { readChatTemplate } from '../checkpoint/chat_template.ts';
import type { PackPause } from '../checkpoint/pack/make_pack.ts';
import { type ChosenDevice, chooseDevices, planned, whyNotHeld } from '../device/discovery.ts';
import { moeLayers } from '../families/spec.ts';
import type { MachineInfo } from '../protocol/model.ts';
import type { RunSettings } from '../protocol/settings.ts';
import { allocateExchange } from '../rank/exchange.ts';
import type { RankSetup } from '../rank/messages.ts';
import { copyPriceRows } from './copy_price.ts';
import { denseThreads } from './dense_threads.ts';
import { holdExpertPack } from './expert_pack.ts';
import type { LinkSpeeds } from './link_speeds.ts';
import { checkScope, denseOf, planMemory, resolveSlots, STEP_TOKENS } from './memory_plan.ts';
import type { OpenModel } from './open_model.ts';
import { openPrompts } from './prompts.ts';
import { type OpenOptions, RankPool } from './rank_pool.ts';
import { Run, type RunListener } from './run.ts';
import { RunRecorder } from './run_recorder.ts';
import { decoderPrompt } from './translation.ts';

export interface StartOptions {
  readonly model: OpenModel;
  readonly settings: RunSettings;
  readonly machine: MachineInfo;
  readonly rankEntry: string;
  /** The run file; made from time and a random part inside `runsDir` when absent. */
  readonly runPath?: string;
  readonly runsDir: string;
  /** Where expert packs are kept; one is made first where the precision asks for it and there is none. */
  readonly packsDir: string;
  /** Where speeds of links are known and measured; absent: nothing is foretold of loads before some were seen. */
  readonly links?: LinkSpeeds;
  /** Awaited while it is made. */
  readonly packing?: PackPause;
  /** Gives up loading. */
  readonly signal?: AbortSignal;
  /** While dense parts load: 0..1. */
  readonly progress?: (fraction: number) => void;
  /** They are loaded, all devices together: bytes on devices, and how long it took. */
  readonly loaded?: (bytes: number, ms: number) => void;
}

/** Checks everything that can be checked, loads the ranks' dense parts, opens the run file, and sets the run going. */
export async function startRun(options: StartOptions, listener: RunListener): Promise<Run> {
  const { model, settings, machine, rankEntry, runsDir } = options;
  const { spec, summary } = model;
  const prompt = model.translation && decoderPrompt(summary, model.translation, settings.targetLanguage);
  checkLengths(model, settings, prompt);
  const { links } = options;
  const chosen = await chooseDevices(settings.devices);
  const budgets = links?.toldOfChosen(chosen) ?? chosen;
  if (budgets.length > summary.experts) {
    throw new EngineRefusal(
      `devices: ${budgets.length} devices cannot share ${summary.experts} experts; choose fewer.`,
    );
  }
  const notHeld = whyNotHeld(budgets, settings.precision);
  if (notHeld !== undefined) throw new EngineRefusal(notHeld);
  const plan = planMemory(spec, { ...settings, devices: budgets.length, ...planned(budgets) });
  resolveSlots(plan, settings.cacheSlots, budgets);
  checkScope(spec, settings.cacheScope);
  const chat = settings.chat ? readChatTemplate(summary.path) : undefined;
  const prompts = openPrompts(summary, model.tokenizer, settings, chat);

  const startedAt = new Date().toISOString();
  const id = `${startedAt.replace(/[-:]/g, '').replace(/\..*/, '')}-${randomBytes(3).toString('hex')}`;
  const { packsDir, packing = async () => undefined } = options;
  const pack = await holdExpertPack(model, settings.precision, packsDir, packing);
  const openRanks = (devices: readonly ChosenDevice[], open: OpenOptions = {}) =>
    RankPool.open(rankEntry, rankSetups(model, devices, settings, pack?.folder), open);
  await links?.know(budgets.map(({ device }) => device)).catch((error: Error) => listener.warn(`${error.message}.`));
  const speeds = budgets.flatMap(({ device }) => links?.of(device) ?? []);
  const expertBytes = plan.bytesPerSlot / moeLayers(spec).length;
  const priceRows = await copyPriceRows(budgets, links).catch((error: Error) => {
    listener.warn(`${error.message}; missing experts are copied at once under auto.`);
    return budgets.map(() => 0);
  });
  const bytes = budgets.length * denseOf(plan);
  let pool: RankPool | undefined;
  try {
    const begunMs = performance.now();
    pool = await openRanks(budgets, {
      signal: options.signal,
      progress: (done) => options.progress?.(Math.min(1, done / bytes)),
    });
    options.loaded?.(bytes, performance.now() - begunMs);
    const { path: _, ...model } = summary;
    const recorder = RunRecorder.create(options.runPath ?? path.join(runsDir, `${id}.json`), {
      id,
      createdAt: startedAt,
      model: {
        ...model,
        moeLayers: [...model.moeLayers],
        samples: [...model.samples],
      },
      settings,
      machine,
      devices: budgets.map(({ id, bytes, device: { provider, name, software } }) => ({
        id,
        provider,
        name,
        software,
        budgetBytes: bytes,
      })),
      moeLayers: moeLayers(spec).length,
      experts: summary.experts,
      topK: summary.topK,
    });
    const { tokenizer, endTokens } = options.model;
    const parts = {
      ...(prompt && { decoderPrompt: prompt }),
      id,
      spec,
      model: summary,
      tokenizer,
      endTokens,
      prompts,
      settings,
      devices: budgets,
      stepTokens: STEP_TOKENS,
      openRanks,
      // The slowest device is the one that a step waits for.
      loadMs: Math.max(0, ...speeds.map((speed) => (1000 * expertBytes) / speed)),
      copyPriceRows: priceRows,
      pool,
      recorder,
      startedAt,
    };
    const run = new Run(parts, listener);
    run.ended.then(() => pack?.release());
    return run;
  } catch (error) {
    await pool?.close();
    pack?.release();
    throw error;
  }
}

/** @param prompt what decoder sequences begin with; undefined for a language model, whose prompt and text share one context */
function checkLengths(
  { spec, summary }: OpenModel,
  { promptTokens, newTokens, targetLanguage }: RunSettings,
  prompt: readonly number[] | undefined,
): void {
  const { contextTokens } = spec;
  if (prompt === undefined) {
    if (targetLanguage !== undefined) {
      throw new EngineRefusal(`targetLanguage: ${summary.name} does not translate; leave it out.`);
    }
    if (promptTokens + newTokens > contextTokens) {
      throw new EngineRefusal(
        `promptTokens: ${promptTokens} prompt tokens and ${newTokens} new ones exceed ${summary.name}'s context of ${contextTokens}; lower one of them.`,
      );
    }
    return;
  }
  const longest = Math.min(contextTokens, STEP_TOKENS - prompt.length);
  if (promptTokens > longest) {
    throw new EngineRefusal(
      `promptTokens: ${summary.name} reads sources of at most ${longest} tokens, whole in one step; lower it to that.`,
    );
  }
  if (newTokens > contextTokens) {
    throw new EngineRefusal(
      `newTokens: ${newTokens} exceed ${summary.name}'s context of ${contextTokens}; lower it to that.`,
    );
  }
}

function rankSetups(
  { summary }: OpenModel,
  budgets: readonly ChosenDevice[],
  { precision, batch }: RunSettings,
  packFolder: string | undefined,
): RankSetup[] {
  const ranks = budgets.length;
  const threads = denseThreads(budgets, batch);
  const exchange = ranks === 1 ? undefined : allocateExchange(ranks, summary.experts, summary.hiddenSize);
  return budgets.map(({ id, bytes }, rank) => ({
    modelPath: summary.path,
    rank,
    ranks,
    device: id,
    budgetBytes: bytes,
    precision,
    denseThreads: threads,
    ...(packFolder !== undefined && { packFolder }),
    exchange,
  }));
}
