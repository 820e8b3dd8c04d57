import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../../api.ts';
import { describeMachine } from '../../coordinator/machine.ts';
import { openModel } from '../../coordinator/open_model.ts';
import type { Run } from '../../coordinator/run.ts';
import { startRun } from '../../coordinator/run_start.ts';
import {
  CacheScope,
  CacheSlots,
  DEFAULT_RUN,
  DEFAULT_TRANSLATION,
  EvictionChoice,
  PlacementName,
  PrefetchName,
  type RunSettings,
} from '../../protocol/settings.ts';
import type { TelemetryFrame } from '../../protocol/telemetry.ts';
import { reportHtml } from '../../report/report_html.ts';
import { readRun } from '../../report/run_reader.ts';
import { defaultDataDir } from '../folders.ts';
import { BadArguments, type Command, choiceFlag, countFlag, parseFlags, printJson, textFlag } from './command.ts';
import { GATING_FLAGS, GATING_HELP, gatingFlags } from './gating_flags.ts';
import { ProgressBar } from './progress_bar.ts';

const FLAGS = {
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
  'cache-slots': { type: 'string' },
  'cache-scope': { type: 'string' },
  evict: { type: 'string' },
  prefetch: { type: 'string' },
  placement: { type: 'string' },
  'rebalance-every': { type: 'string' },
  temperature: { type: 'string' },
  seed: { type: 'string' },
  'ignore-end': { type: 'boolean' },
  out: { type: 'string' },
  report: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const run: Command = {
  name: 'run',
  summary: 'Generates text with a model and records what its experts did',
  help: [
    '  --model DIR                 model folder',
    "  --prompt-file F             text file: one prompt per paragraph (a line for translation); absent: the model's own samples",
    `  --prompts N                 sequences to run (default ${DEFAULT_RUN.promptCount})`,
    `  --prompt-tokens P           most tokens of a prompt (default ${DEFAULT_RUN.promptTokens})`,
    `  --new-tokens T              tokens to generate per sequence (default ${DEFAULT_RUN.newTokens})`,
    '  --target LANG               language to translate into, as the tokenizer names it (default: the first it knows)',
    `                              a translation model's defaults: ${DEFAULT_TRANSLATION.promptTokens} prompt tokens, ${DEFAULT_TRANSLATION.newTokens} new ones; prompts are lines`,
    `  --batch B                   sequences in flight (default ${DEFAULT_RUN.batch})`,
    '  --devices cpu:D             D CPU devices, a thread each (default cpu:1)',
    '  --budget-mib M              bytes each device may hold, MiB (default: half of free memory, shared)',
    ...GATING_HELP,
    `  --cache-slots N|all         expert slots per layer and device (default ${DEFAULT_RUN.cacheSlots})`,
    `  --cache-scope ${CacheScope.options.join('|')}  whose slots they are: each layer's, or as many in all in one pool that the layers of a`,
    `                              device share (default ${DEFAULT_RUN.cacheScope})`,
    `  --evict ${EvictionChoice.options.join('|')}  (default ${DEFAULT_RUN.eviction})`,
    `  --prefetch ${PrefetchName.options.join('|')}  load experts ahead (default ${DEFAULT_RUN.prefetch})`,
    `  --placement ${PlacementName.options.join('|')}  (default ${DEFAULT_RUN.placement})`,
    '  --rebalance-every N         place experts anew every N steps (default 0: once)',
    '  --temperature X --seed S    0 is greedy (default 0)',
    "  --ignore-end                go on after a sequence's end token",
    '  --out run.json              run file (default: a new one in the data folder)',
    '  --report report.html        report of the run',
    '  --json                      totals as JSON on stdout',
  ].join('\n'),
  async run(args) {
    const values = parseFlags(args, FLAGS);
    const model = openModel(textFlag(values, 'model'));
    const settings = readSettings(values, model.translation !== undefined);
    const out = typeof values.out === 'string' ? path.resolve(values.out) : undefined;
    const bar = new ProgressBar();
    let totals: TelemetryFrame['totals'] | undefined;
    let audit: TelemetryFrame['audit'];
    let started: Run | undefined;
    const listener = {
      changed: () => undefined,
      frame: (frame: TelemetryFrame) => {
        totals = frame.totals;
        audit = frame.audit ?? audit;
        const { sequencesDone, sequencesTotal, tokensPerSecond, newTokens } = frame.totals;
        const fraction = newTokens / (sequencesTotal * settings.newTokens);
        bar.show(fraction, `${sequencesDone}/${sequencesTotal} sequences, ${tokensPerSecond.toFixed(0)} tok/s`);
      },
    };
    const interrupt = () => void started?.stop();
    process.once('SIGINT', interrupt);
    started = await startRun(
      {
        model,
        settings,
        machine: describeMachine(),
        rankEntry: path.join(__dirname, 'rank.cjs'),
        runsDir: path.join(defaultDataDir(), 'runs'),
        ...(out !== undefined && { runPath: out }),
      },
      listener,
    );
    const error = await started.ended;
    process.off('SIGINT', interrupt);
    bar.end();
    if (error !== undefined) throw error;
    const file = started.info().path;
    if (typeof values.report === 'string') writeFileSync(values.report, reportHtml(await readRun(file)));
    if (values.json) return printJson({ run: file, totals, audit });
    if (totals !== undefined) process.stdout.write(runLines(file, totals, audit));
  },
};

function readSettings(values: ReturnType<typeof parseFlags>, translates: boolean): RunSettings {
  const slots = CacheSlots.safeParse(
    values['cache-slots'] === undefined || values['cache-slots'] === 'all' ? 'all' : Number(values['cache-slots']),
  );
  if (!slots.success)
    throw new BadArguments(
      `--cache-slots takes a whole number from 1 on or "all", not "${String(values['cache-slots'])}"`,
    );
  const suited = translates ? DEFAULT_TRANSLATION : DEFAULT_RUN;
  const devices = /^cpu:([1-9]\d?)$/.exec(textFlag(values, 'devices', 'cpu:1'));
  if (devices === null) throw new BadArguments('--devices takes cpu:D with the number D of CPU devices, such as cpu:2');
  const budgetMib = countFlag(values, 'budget-mib', 1, 1 << 24, 0);
  const temperature = Number(values.temperature ?? 0);
  if (!(temperature >= 0 && temperature <= 5)) throw new BadArguments('--temperature takes a number from 0 to 5');
  return {
    cacheSlots: slots.data,
    cacheScope: choiceFlag(values, 'cache-scope', CacheScope.options, DEFAULT_RUN.cacheScope),
    eviction: choiceFlag(values, 'evict', EvictionChoice.options, DEFAULT_RUN.eviction),
    prefetch: choiceFlag(values, 'prefetch', PrefetchName.options, DEFAULT_RUN.prefetch),
    placement: choiceFlag(values, 'placement', PlacementName.options, DEFAULT_RUN.placement),
    rebalanceEvery: countFlag(values, 'rebalance-every', 0, 1_000_000, DEFAULT_RUN.rebalanceEvery),
    ...gatingFlags(values),
    batch: countFlag(values, 'batch', 1, 256, DEFAULT_RUN.batch),
    devices: Array.from({ length: Number(devices[1]) }, (_, index) => ({
      id: `cpu:${index}`,
      ...(budgetMib > 0 && { budgetBytes: budgetMib * 2 ** 20 }),
    })),
    prompts: readPromptSource(values['prompt-file'], translates),
    promptCount: countFlag(values, 'prompts', 1, 100_000, DEFAULT_RUN.promptCount),
    promptTokens: countFlag(values, 'prompt-tokens', 1, 131_072, suited.promptTokens),
    newTokens: countFlag(values, 'new-tokens', 1, 131_072, suited.newTokens),
    ...(values.target !== undefined && { targetLanguage: textFlag(values, 'target') }),
    temperature,
    seed: countFlag(values, 'seed', 0, 0xffff_ffff, DEFAULT_RUN.seed),
    ignoreEnd: values['ignore-end'] === true,
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

function runLines(file: string, totals: TelemetryFrame['totals'], audit: TelemetryFrame['audit']): string {
  const { steps, elapsedMs, promptTokens, newTokens, hits, misses, evictions, stallMs } = totals;
  const rate = (tokens: number) => `${((tokens / elapsedMs) * 1000).toFixed(1)} tok/s`;
  const lines = [
    `run file    ${file}`,
    `tokens      ${promptTokens} prompt, ${newTokens} new in ${steps} steps, ${(elapsedMs / 1000).toFixed(2)} s (${rate(newTokens)} new, measured)`,
    `cache       ${hits} hits, ${misses} misses (${((100 * misses) / Math.max(1, hits + misses)).toFixed(1)}%), ${evictions} evictions, ${stallMs.toFixed(0)} ms stalled (measured)`,
  ];
  const { prefetches = 0, prefetchesUsed = 0, prefetchesHarmed = 0 } = totals;
  if (prefetches > 0) {
    const percent = ((100 * prefetchesUsed) / prefetches).toFixed(1);
    lines.push(
      `prefetch    ${prefetches} of ${totals.loads} loads ahead of need, ${percent}% used, ${prefetchesHarmed} misses of what they pushed out (measured)`,
    );
  }
  if (audit !== undefined) {
    lines.push(
      `replay      ${audit.replayed.misses} misses, ${audit.replayed.evictions} evictions over ${audit.steps} steps (replayed)`,
    );
  }
  return `${lines.join('\n')}\n`;
}
