import { expertsHeld } from '../../engine/protocol/experts_held.ts';
import type { EngineSnapshot, RunState } from '../../engine/protocol/messages.ts';
import type { DeviceInfo, ModelSummary } from '../../engine/protocol/model.ts';
import {
  type CacheSlots,
  DEFAULT_RUN,
  DEFAULT_TRANSLATION,
  type LivePatch,
  LiveSettings,
  type RunSettings,
} from '../../engine/protocol/settings.ts';
import { devicesText } from '../devices/device_choice.ts';
import { precisionName } from '../format/precision_names.ts';
import { plural } from '../format/words.ts';
import { pick, type RunPatch, sameValue } from './settings.ts';

const LIVE_KEYS = Object.keys(LiveSettings.shape) as (keyof LiveSettings)[];

/** The part of a patch that a running engine takes at once. */
export function livePart(patch: RunPatch): LivePatch | undefined {
  const keys = LIVE_KEYS.filter((key) => patch[key] !== undefined);
  return keys.length === 0 ? undefined : (pick(patch, keys) as LivePatch);
}

const isLiveKey = (key: keyof RunSettings): boolean => (LIVE_KEYS as string[]).includes(key);

const TAKES_CHANGES: ReadonlySet<RunState> = new Set<RunState>(['starting', 'running', 'paused']);

/** Whether the engine has a run that takes live settings now. */
export const takesChanges = ({ state }: EngineSnapshot): boolean => TAKES_CHANGES.has(state);

/** Settings that differ from those of the current or last run and wait for the next one: all, once that run has ended. */
export function pendingKeys(draft: RunSettings, snapshot: EngineSnapshot): (keyof RunSettings)[] {
  const { run } = snapshot;
  if (run === undefined) return [];
  const live = takesChanges(snapshot);
  const keys = Object.keys(draft) as (keyof RunSettings)[];
  return keys.filter((key) => !(live && isLiveKey(key)) && !sameValue(draft[key], run.settings[key]));
}

/** Experts that one device owns in a layer, at most: the largest cache that makes sense. */
export function expertsPerDevice(model: ModelSummary, { placement, devices }: DeviceSettings): number {
  return expertsHeld(placement, model.experts, Math.max(1, devices.length));
}
type DeviceSettings = Pick<RunSettings, 'placement' | 'devices'>;

export function slotsInForce(slots: CacheSlots, most: number): number {
  return slots === 'all' ? most : Math.min(slots, most);
}

/** A place on the slider as a setting: the far end means "every expert the device owns". */
export function slotsAt(position: number, most: number): CacheSlots {
  return position >= most ? 'all' : Math.max(1, Math.round(position));
}

/** Of the chosen devices those that are here, else the first that is. */
export function devicesHere(chosen: RunSettings['devices'], devices: readonly DeviceInfo[]): RunSettings['devices'] {
  const here = chosen.filter(({ id }) => devices.some((device) => device.id === id));
  const [first] = devices;
  if (here.length > 0) return here;
  return first === undefined ? chosen : [{ id: first.id }];
}

/**
 * Settings kept from another model or machine, made to fit this one: devices and sample prompts that are not here are
 * replaced by ones that are, a cache larger than the device's experts becomes `all`.
 */
export function fitTo(settings: RunSettings, model: ModelSummary, devices: readonly DeviceInfo[]): RunSettings {
  const usable = devicesHere(settings.devices, devices);
  const most = expertsPerDevice(model, { ...settings, devices: usable });
  const { targetLanguage: wanted, ...rest } = settings;
  const targetLanguage = targetFor(wanted, model);
  return {
    ...rest,
    ...(targetLanguage !== undefined && { targetLanguage }),
    devices: usable,
    chat: settings.chat && model.chat === true,
    prompts: promptsFor(settings.prompts, model.samples),
    cacheSlots: slotsInForce(settings.cacheSlots, most) === most ? 'all' : settings.cacheSlots,
    promptTokens: Math.min(settings.promptTokens, Math.max(1, model.contextTokens - 1)),
    newTokens: Math.min(settings.newTokens, Math.max(1, model.contextTokens - 1)),
  };
}

/** Settings that still are what suits the model before become what suits the model after; what a person set stays. */
export function suitedTo(settings: RunSettings, before: ModelSummary | undefined, after: ModelSummary): RunSettings {
  const from = suited(before);
  const to = suited(after);
  const left = (Object.keys(to) as (keyof Suited)[]).filter((key) => settings[key] === from[key]);
  return { ...settings, ...pick(to, left) };
}

type Suited = Pick<RunSettings, keyof typeof DEFAULT_TRANSLATION | 'chat' | 'topK' | 'topP' | 'repetitionPenalty'>;

/** Whole sentences for a translation model, messages for one made for conversation, tokens chosen as the model's makers ask. */
function suited(model: ModelSummary | undefined): Suited {
  const { promptTokens, newTokens, temperature, chat, topK, topP, repetitionPenalty } = DEFAULT_RUN;
  return {
    ...{ promptTokens, newTokens, temperature, chat, topK, topP, repetitionPenalty },
    ...(model?.encoderLayers !== undefined && DEFAULT_TRANSLATION),
    ...(model?.chat && { chat: true }),
    ...model?.sampling,
  };
}

/** The language to translate into: the one that was set if the model knows it, else its first; none for a model that has none. */
export function targetFor(wanted: string | undefined, model: ModelSummary): string | undefined {
  const known = model.targetLanguages ?? [];
  return wanted !== undefined && known.includes(wanted) ? wanted : known[0];
}

/** For models that come without sample files: something to begin with in no particular domain. */
export const STARTER_PROMPTS: readonly string[] = [
  'Once upon a time',
  'The most important thing about memory is',
  'def main():',
  'In the beginning',
];

function promptsFor(prompts: RunSettings['prompts'], samples: readonly string[]): RunSettings['prompts'] {
  if (prompts.kind === 'texts') return prompts;
  if (samples.length === 0) return { kind: 'texts', texts: [...STARTER_PROMPTS] };
  if (samples.includes(prompts.name)) return prompts;
  return { kind: 'sample', name: samples.length === 1 ? (samples[0] ?? 'mixed') : 'mixed' };
}

const SETTING_NAMES: { readonly [K in keyof Required<RunSettings>]: string } = {
  cacheSlots: 'Cache',
  cacheScope: 'Slots shared',
  eviction: 'Eviction',
  copyAfterRows: 'Missing experts',
  prefetch: 'Prefetch',
  placement: 'Placement',
  rebalanceEvery: 'Re-balance',
  batch: 'Batch',
  precision: 'Precision',
  devices: 'Devices',
  gating: 'Gating',
  capacity: 'Capacity',
  tutelFactor: 'Tutel factor',
  prompts: 'Prompts',
  promptCount: 'Prompt count',
  promptTokens: 'Prompt tokens',
  newTokens: 'New tokens',
  targetLanguage: 'Translate into',
  chat: 'Given as',
  temperature: 'Temperature',
  topK: 'Top-k',
  topP: 'Top-p',
  repetitionPenalty: 'Repetition penalty',
  seed: 'Seed',
  ignoreEnd: 'Ignore end token',
};

export const settingName = (key: keyof RunSettings): string => SETTING_NAMES[key];

/** Titles are those of the engine's tables, so that a policy has one name in the window; SHORT_TITLES has what fits a field. */
const EVICTION_TITLES: Readonly<Record<RunSettings['eviction'], string>> = {
  lifo: 'Paper (LIFO)',
  'lifo-lru': 'Paper (LRU)',
  lru: 'LRU',
  lfu: 'LFU',
  lfru: 'LFRU',
  decayed: 'Decayed frequency',
  fifo: 'FIFO',
  sieve: 'SIEVE',
  's3-fifo': 'S3-FIFO',
  echo: 'Routing echo',
  pinned: 'Pinned hot set',
  auto: 'Auto',
};
/** Limits of rows that are offered; any other may come from the command line. */
export const COPY_LIMITS: readonly RunSettings['copyAfterRows'][] = [0, 'auto', 1, 4, 16, 64, 256];
/** A limit of rows as it stands in lists. */
export function copyLimitTitle(rows: RunSettings['copyAfterRows']): string {
  if (rows === 0) return 'Copy at once';
  return rows === 'auto' ? 'Auto' : `After ${plural(rows, 'row')}`;
}

const PREFETCH_TITLES: Readonly<Record<RunSettings['prefetch'], string>> = {
  off: 'Off',
  echo: 'Routing echo',
  router: 'Next router',
};
export const prefetchTitle = (name: RunSettings['prefetch']): string => PREFETCH_TITLES[name];

const SCOPE_TITLES: Readonly<Record<RunSettings['cacheScope'], string>> = { layer: 'Per layer', device: 'One pool' };
export const scopeTitle = (name: RunSettings['cacheScope']): string => SCOPE_TITLES[name];

export const evictionTitle = (name: RunSettings['eviction']): string => EVICTION_TITLES[name];

const PLACEMENT_TITLES: Readonly<Record<RunSettings['placement'], string>> = {
  contiguous: 'Contiguous',
  greedy: 'Greedy (paper)',
  'anti-correlation': 'Anti-correlation (paper)',
  'anti-correlation-scaled': 'Anti-correlation / E',
  covariance: 'Mean and covariance',
  eplb: 'EPLB, no replicas',
  replicated: 'EPLB with replicas',
  levelled: 'Replicas, levelled',
};
export const placementTitle = (name: RunSettings['placement']): string => PLACEMENT_TITLES[name];

const GATING_TITLES: Readonly<Record<RunSettings['gating'], string>> = {
  dynamic: 'Dynamic (paper)',
  static: 'Static (GShard)',
  tutel: 'Tutel',
  fastmoe: 'FastMoE',
  megablocks: 'MegaBlocks',
  'megablocks-grouped': 'MegaBlocks grouped',
};
export const gatingTitle = (name: RunSettings['gating']): string => GATING_TITLES[name];

const SHORT_TITLES: Readonly<Record<string, string>> = {
  greedy: 'Greedy',
  'anti-correlation': 'Anti-correlated',
  'anti-correlation-scaled': 'Anti-corr. / E',
  covariance: 'Covariance',
  eplb: 'EPLB',
  replicated: 'EPLB, replicas',
  levelled: 'Levelled',
  dynamic: 'Dynamic',
  'megablocks-grouped': 'MB grouped',
};
/** The same policy where a title has no room: in a field, at a mark of a chart, in the middle of a sentence. */
export const shortTitle = (name: RunSettings['eviction'] | RunSettings['placement'] | RunSettings['gating']): string =>
  SHORT_TITLES[name] ?? { ...EVICTION_TITLES, ...PLACEMENT_TITLES, ...GATING_TITLES }[name];

export const rebalanceText = (every: number): string => (every === 0 ? 'Off' : `Every ${every} steps`);

const LANGUAGE_NAMES = new Intl.DisplayNames(['en'], { type: 'language' });

/** A tokenizer's language in words: `fra_Latn` is "French". */
export function languageName(code: string | undefined): string {
  if (code === undefined) return 'none';
  const name = LANGUAGE_NAMES.of(code.slice(0, 3));
  return name === undefined || name === code.slice(0, 3) ? code : name;
}

/** A value in words, as it stands in labels: "24 slots", "2 × CPU", "greedy". `most` resolves `all`. */
export function settingText<K extends keyof RunSettings>(key: K, settings: RunSettings, most: number): string {
  switch (key) {
    case 'cacheSlots':
      return `${slotsInForce(settings.cacheSlots, most)} slots`;
    case 'copyAfterRows':
      return copyLimitTitle(settings.copyAfterRows);
    case 'prefetch':
      return prefetchTitle(settings.prefetch);
    case 'cacheScope':
      return scopeTitle(settings.cacheScope);
    case 'eviction':
      return shortTitle(settings.eviction);
    case 'gating':
      return shortTitle(settings.gating);
    case 'placement':
      return shortTitle(settings.placement);
    case 'rebalanceEvery':
      return rebalanceText(settings.rebalanceEvery);
    case 'precision':
      return precisionName(settings.precision);
    case 'devices':
      return devicesText(settings.devices);
    case 'prompts':
      return settings.prompts.kind === 'texts' ? 'own text' : settings.prompts.name;
    case 'chat':
      return settings.chat ? 'chat' : 'text';
    case 'targetLanguage':
      return languageName(settings.targetLanguage);
    default:
      return String(settings[key]);
  }
}

/** "Cache 64 → 24 slots": what changed, for marks, toasts and the undo list. */
export function changeLabel(before: RunSettings, patch: RunPatch, most: number): string {
  const after = { ...before, ...patch };
  const parts = (Object.keys(patch) as (keyof RunSettings)[]).map((key) => {
    const to = settingText(key, after, most);
    const from = settingText(key, before, most);
    return `${settingName(key)} ${from.replace(' slots', '')} → ${to}`;
  });
  return parts.join(', ');
}
