import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openTokenizer } from '../../engine/checkpoint/tokenizer.ts';
import { STEP_PHASES } from '../../engine/protocol/telemetry.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { cpuDevices, type MeasuredRun, type MeasuredStep, measureRun } from './engine_run.ts';
import { LlamaCpp, type Peer, type PeerWork, type Precision, type TimedPrompt, Transformers } from './peer_engines.ts';
import { median } from './statistics.ts';
import { writeSyntheticOlmoe } from './synthetic_olmoe.ts';

/** OLMoE-1B-7B's layers, four of its sixteen. */
const SHAPE = {
  ...{ hidden: 2048, width: 1024, layers: 4, experts: 64, topK: 8 },
  ...{ heads: 16, normalizedTopK: false },
};
/** The first warms up: it loads experts, compiles and grows buffers. */
const PROMPTS = 4;
const PROMPT_TOKENS = 256;
const NEW_TOKENS = 33;
const BUDGET_BYTES = 2 ** 34;
const PRECISIONS: readonly Precision[] = ['fp32', 'int4'];
const THREADS = [1, 2] as const;

const PHASES = ['prefill', 'decode'] as const;

type Phase = (typeof PHASES)[number];
interface Rates {
  readonly prefill: number;
  readonly decode: number;
}

const idOf = (phase: Phase, precision: Precision, threads: number, engine: string) =>
  `peer.${phase}.${precision}.threads${threads}.${engine}`;

/**
 * The same prompts through this engine and through whatever others are installed, one engine at a time (the model does not fit
 * thrice), a sequence at a time, greedy. A CPU device is a thread, so two threads are two devices.
 */
export const peer: Bench = {
  id: 'peer',
  title: "Prompt and new tokens per second beside other engines, OLMoE's layer shape cut to 4 layers (--peer)",
  figures: ['studio', 'llama_cpp', 'transformers'].flatMap((engine) =>
    PHASES.flatMap((phase) =>
      PRECISIONS.flatMap((precision) => THREADS.map((threads) => idOf(phase, precision, threads, engine))),
    ),
  ),
  async *run(context): AsyncGenerator<Figure> {
    const model = path.join(context.tempDir, 'olmoe-4-layers');
    context.log('peer: writing the checkpoint');
    writeSyntheticOlmoe(model, SHAPE, context.model);
    const work = workOf(context, model);
    const peers = [new LlamaCpp(context, model), new Transformers(context, model)];
    const installed = peers.filter((engine) => {
      const missing = engine.missing();
      if (missing !== undefined) context.skip(`peer.${engine.name}`, missing);
      return missing === undefined;
    });
    for (const precision of PRECISIONS) {
      for (const threads of THREADS) {
        const own = await ownPrompts(context, model, work, precision, threads);
        yield* figures('studio', precision, threads, rates(own));
        for (const engine of installed) yield* compare(context, engine, own, work, precision, threads);
      }
    }
  },
};

async function* compare(
  context: BenchContext,
  engine: Peer,
  own: readonly TimedPrompt[],
  work: PeerWork,
  precision: Precision,
  threads: number,
): AsyncGenerator<Figure> {
  const without = engine.lacks(precision);
  if (without !== undefined) {
    context.skip(`peer.${engine.name}.${precision}`, without);
    return;
  }
  context.log(`peer: ${engine.name}, ${precision}, ${threads} thread(s)`);
  const { version, prompts } = await engine.time(work, precision, threads);
  const ours = rates(own);
  const theirs = rates(prompts);
  const detail = `${engine.title} ${version}; ${sameTokens(own, prompts)}`;
  yield* figures(engine.name, precision, threads, theirs, ours, detail);
  for (const phase of PHASES) {
    const goal = engine.goals[phase];
    if (goal === undefined) continue;
    yield {
      id: `${idOf(phase, precision, threads, 'studio')}_over_${engine.name}`,
      value: ours[phase] / theirs[phase],
      unit: 'x',
      how: 'measured',
      versus: { goal: `>= ${goal}`, met: ours[phase] >= goal * theirs[phase] },
    };
  }
}

function* figures(
  engine: string,
  precision: Precision,
  threads: number,
  own: Rates,
  baseline?: Rates,
  detail = `${PROMPTS - 1} prompts of ${PROMPT_TOKENS} tokens, ${NEW_TOKENS - 1} new ones each, one sequence at a time, medians, loads of experts told apart`,
): Generator<Figure> {
  for (const phase of PHASES) {
    const versus = baseline && {
      baseline: idOf(phase, precision, threads, 'studio'),
      ratio: own[phase] / baseline[phase],
    };
    const id = idOf(phase, precision, threads, engine);
    yield { id, value: own[phase], unit: 'tok/s', how: 'measured', detail, ...(versus && { versus }) };
  }
}

/** The same prompts for every engine: texts for this one, which tokenizes them itself, their tokens for the others. */
function workOf({ model: demo }: BenchContext, model: string): PeerWork & { readonly texts: string[] } {
  const tokenizer = openTokenizer(model);
  const text = readFileSync(path.join(demo, 'samples/english.txt'), 'utf8');
  const characters = 8 * PROMPT_TOKENS;
  const texts = Array.from({ length: PROMPTS }, (_, at) => text.slice(at * characters, (at + 1) * characters));
  const prompts = texts.map((part) => tokenizer.encode(part).slice(0, PROMPT_TOKENS));
  return { texts, prompts, newTokens: NEW_TOKENS };
}

async function ownPrompts(
  context: BenchContext,
  model: string,
  { texts }: { readonly texts: string[] },
  precision: Precision,
  threads: number,
): Promise<TimedPrompt[]> {
  context.log(`peer: this engine, ${precision}, ${threads} device(s)`);
  const run = await measureRun(context, model, {
    devices: cpuDevices(threads).map((device) => ({ ...device, budgetBytes: BUDGET_BYTES / threads })),
    precision: { experts: precision, dense: precision },
    batch: 1,
    prompts: { kind: 'texts', texts },
    promptCount: PROMPTS,
    promptTokens: PROMPT_TOKENS,
    newTokens: NEW_TOKENS,
    cacheSlots: 'all',
  });
  return texts.map((_, sequence) => timedPrompt(run, sequence));
}

/**
 * Other engines have read all experts before the first token, this one loads each when it is first asked for. Loading is told apart:
 * a prefill counts without its time for loads, a decode step with loads counts as the mean of the others.
 */
function timedPrompt({ steps }: MeasuredRun, sequence: number): TimedPrompt {
  const own = steps.filter(({ request }) => request[0] === sequence);
  const [prefill, ...decode] = own as [MeasuredStep, ...MeasuredStep[]];
  const warm = decode.filter(({ loads }) => loads === 0).map(({ wallMs }) => wallMs);
  const tokens = own.flatMap(({ emissions }) => emissions.map(({ token }) => token));
  const decodeMs = (warm.reduce((sum, ms) => sum + ms, 0) / warm.length) * decode.length;
  const loadMs = prefill.phaseMs[STEP_PHASES.indexOf('load')] as number;
  return { prefillMs: prefill.wallMs - loadMs, decodeMs, tokens };
}

function rates(prompts: readonly TimedPrompt[]): Rates {
  const warm = prompts.slice(1);
  return {
    prefill: (1000 * PROMPT_TOKENS) / median(warm.map(({ prefillMs }) => prefillMs)),
    decode: (1000 * (NEW_TOKENS - 1)) / median(warm.map(({ decodeMs }) => decodeMs)),
  };
}

/** Greedy answers drift apart after the first difference, so what counts is how far they go together. */
function sameTokens(own: readonly TimedPrompt[], theirs: readonly TimedPrompt[]): string {
  const together = own.map(({ tokens }, prompt) => {
    const differs = tokens.findIndex((token, at) => token !== theirs[prompt]?.tokens[at]);
    return differs < 0 ? tokens.length : differs;
  });
  return `the first ${Math.min(...together)} of ${NEW_TOKENS} new tokens are the same in every prompt`;
}
