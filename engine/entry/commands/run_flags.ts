import { readFileSync } from 'node:fs';
import { EngineRefusal } from '../../api.ts';
import type { ModelSummary } from '../../protocol/model.ts';
import {
  CacheScope,
  CacheSlots,
  CopyAfterRows,
  DEFAULT_RUN,
  DEFAULT_TRANSLATION,
  EvictionChoice,
  PlacementName,
  PrefetchName,
  RepetitionPenalty,
  type RunSettings,
  Temperature,
  TopK,
  TopP,
} from '../../protocol/settings.ts';
import { BadArguments, choiceFlag, countFlag, numberFlag, textFlag, type Values } from './command.ts';
import { DEVICES_HELP, devicesFlag } from './device_flag.ts';
import { GATING_FLAGS, GATING_HELP, gatingFlags } from './gating_flags.ts';
import { PRECISION_FLAGS, PRECISION_HELP, precisionFlags } from './precision_flags.ts';

export const RUN_FLAGS = {
  model: { type: 'string' },
  'prompt-file': { type: 'string' },
  prompts: { type: 'string' },
  'prompt-tokens': { type: 'string' },
  'new-tokens': { type: 'string' },
  target: { type: 'string' },
  batch: { type: 'string' },
  devices: { type: 'string' },
  'budget-mib': { type: 'string' },
  ...GATING_FLAGS,
  ...PRECISION_FLAGS,
  'cache-slots': { type: 'string' },
  'cache-scope': { type: 'string' },
  evict: { type: 'string' },
  'copy-after-rows': { type: 'string' },
  prefetch: { type: 'string' },
  placement: { type: 'string' },
  'rebalance-every': { type: 'string' },
  chat: { type: 'boolean' },
  temperature: { type: 'string' },
  'top-k': { type: 'string' },
  'top-p': { type: 'string' },
  'repetition-penalty': { type: 'string' },
  seed: { type: 'string' },
  'ignore-end': { type: 'boolean' },
  out: { type: 'string' },
  report: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const RUN_HELP = [
  '  --model DIR                 model folder',
  "  --prompt-file F             text file: one prompt per paragraph (a line for translation); absent: the model's own samples",
  `  --prompts N                 sequences to run (default ${DEFAULT_RUN.promptCount})`,
  `  --prompt-tokens P           most tokens of a prompt (default ${DEFAULT_RUN.promptTokens})`,
  `  --new-tokens T              tokens to generate per sequence (default ${DEFAULT_RUN.newTokens})`,
  '  --target LANG               language to translate into, as the tokenizer names it (default: the first it knows)',
  `                              a translation model's defaults: ${DEFAULT_TRANSLATION.promptTokens} prompt tokens, ${DEFAULT_TRANSLATION.newTokens} new ones; prompts are lines`,
  `  --batch B                   sequences in flight (default ${DEFAULT_RUN.batch})`,
  DEVICES_HELP,
  '  --budget-mib M              bytes each device may hold, MiB (default: half of free memory, shared)',
  ...GATING_HELP,
  ...PRECISION_HELP,
  `  --cache-slots N|all         expert slots per layer and device (default ${DEFAULT_RUN.cacheSlots})`,
  `  --cache-scope ${CacheScope.options.join('|')}  whose slots they are: each layer's, or as many in all in one pool that the layers of a`,
  `                              device share (default ${DEFAULT_RUN.cacheScope})`,
  `  --evict ${EvictionChoice.options.join('|')}  (default ${DEFAULT_RUN.eviction})`,
  '  --copy-after-rows N|auto    a missing expert is copied once the host has computed N rows for it (default 0: at once); auto: as',
  '                              many as a copy costs, both measured here, and 0 on CPU devices',
  `  --prefetch ${PrefetchName.options.join('|')}  load experts ahead (default ${DEFAULT_RUN.prefetch})`,
  `  --placement ${PlacementName.options.join('|')}  (default ${DEFAULT_RUN.placement})`,
  '  --rebalance-every N         place experts anew every N steps (default 0: once)',
  "  --chat                      put each prompt to the model as a message, in the model's chat template",
  "  --temperature X --seed S    0 is greedy (default: the model's generation_config.json, else 0)",
  "  --top-k K --top-p P         of the likeliest K tokens (0: all) those with share P of their probability (default: the model's, else 50, 1)",
  "  --repetition-penalty R      above 1 makes a sequence's tokens less likely again (default: the model's, else 1)",
  "  --ignore-end                go on after a sequence's end token",
  '  --out run.json              run file (default: a new one in the data folder)',
  '  --report report.html        report of the run',
  '  --json                      totals as JSON on stdout',
].join('\n');

/**
 * Reads every flag before the model is opened; what is left out is then settled by the model's own defaults.
 * @returns the settings for a model; throws EngineRefusal for a prompt file that cannot be used
 * @throws BadArguments for a flag out of range
 */
export function readRunFlags(values: Values): (model: ModelSummary) => RunSettings {
  const fixed = {
    cacheSlots: cacheSlotsFlag(values),
    cacheScope: choiceFlag(values, 'cache-scope', CacheScope.options, DEFAULT_RUN.cacheScope),
    eviction: choiceFlag(values, 'evict', EvictionChoice.options, DEFAULT_RUN.eviction),
    copyAfterRows: copyAfterRowsFlag(values),
    prefetch: choiceFlag(values, 'prefetch', PrefetchName.options, DEFAULT_RUN.prefetch),
    placement: choiceFlag(values, 'placement', PlacementName.options, DEFAULT_RUN.placement),
    rebalanceEvery: countFlag(values, 'rebalance-every', 0, 1_000_000, DEFAULT_RUN.rebalanceEvery),
    ...gatingFlags(values),
    precision: precisionFlags(values),
    batch: countFlag(values, 'batch', 1, 256, DEFAULT_RUN.batch),
    devices: devicesFlag(values),
    promptCount: countFlag(values, 'prompts', 1, 100_000, DEFAULT_RUN.promptCount),
    ...(values.target !== undefined && { targetLanguage: textFlag(values, 'target') }),
    chat: values.chat === true,
    seed: countFlag(values, 'seed', 0, 0xffff_ffff, DEFAULT_RUN.seed),
    ignoreEnd: values['ignore-end'] === true,
  };
  const promptTokens = countFlag(values, 'prompt-tokens', 1, 131_072, undefined);
  const newTokens = countFlag(values, 'new-tokens', 1, 131_072, undefined);
  const sampling = samplingFlags(values);
  return ({ encoderLayers, sampling: own = {} }) => {
    const translates = encoderLayers !== undefined;
    const suited = translates ? DEFAULT_TRANSLATION : DEFAULT_RUN;
    return {
      ...fixed,
      prompts: readPromptSource(values['prompt-file'], translates),
      promptTokens: promptTokens ?? suited.promptTokens,
      newTokens: newTokens ?? suited.newTokens,
      temperature: sampling.temperature ?? own.temperature ?? 0,
      topK: sampling.topK ?? own.topK ?? DEFAULT_RUN.topK,
      topP: sampling.topP ?? own.topP ?? DEFAULT_RUN.topP,
      repetitionPenalty: sampling.repetitionPenalty ?? own.repetitionPenalty ?? DEFAULT_RUN.repetitionPenalty,
    };
  };
}

function cacheSlotsFlag(values: Values): CacheSlots {
  const text = values['cache-slots'];
  const slots = CacheSlots.safeParse(text === undefined || text === 'all' ? 'all' : Number(text));
  if (slots.success) return slots.data;
  throw new BadArguments(`--cache-slots takes a whole number from 1 on or "all", not "${String(text)}"`);
}

function copyAfterRowsFlag(values: Values): RunSettings['copyAfterRows'] {
  const text = values['copy-after-rows'];
  if (text === undefined) return DEFAULT_RUN.copyAfterRows;
  const parsed = CopyAfterRows.safeParse(text === 'auto' ? text : Number(text || Number.NaN));
  if (parsed.success) return parsed.data;
  throw new BadArguments(`--copy-after-rows takes auto or a whole number from 0 to 1000000, not "${text}"`);
}

/** What is given; the rest is the model's own. */
function samplingFlags(values: Values) {
  const penalty = 'a number above 0, up to 10';
  return {
    temperature: numberFlag(values, 'temperature', Temperature, 'a number from 0 to 5', undefined),
    topK: numberFlag(values, 'top-k', TopK, 'a whole number from 0 to 1000000', undefined),
    topP: numberFlag(values, 'top-p', TopP, 'a number above 0, up to 1', undefined),
    repetitionPenalty: numberFlag(values, 'repetition-penalty', RepetitionPenalty, penalty, undefined),
  };
}

/** @param lines a prompt each, as translation models take them, instead of a paragraph each */
function readPromptSource(file: string | boolean | undefined, lines: boolean): RunSettings['prompts'] {
  if (typeof file !== 'string') return DEFAULT_RUN.prompts;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new EngineRefusal(
      `${file}: the prompt file cannot be read (${(error as NodeJS.ErrnoException).code}); give another one.`,
    );
  }
  const texts = text
    .split(lines ? '\n' : /\n\s*\n/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (texts.length === 0) throw new EngineRefusal(`${file}: the prompt file is empty; write one prompt per paragraph.`);
  return { kind: 'texts', texts };
}
