import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { cpuDevices, measureRun, tokensPerSecond, warmSteps } from './engine_run.ts';
import { interleave, median, pairedRatio } from './statistics.ts';

const ROUNDS = 5;
const GOAL = 1.5;
const PROMPT_TOKENS = 256;
/** Two of them fill a step. */
const LONG_PROMPTS = 32;
const STEP_TOKENS = 2 * PROMPT_TOKENS;
/** Greedy places after 32 steps of history: eight short prompts a step make one that costs little. */
const SHORT_PROMPTS = 8 * 32;
const SHORT_CHARACTERS = 32;
/** More than PROMPT_TOKENS in every sample. */
const LONG_CHARACTERS = 1600;

export const prefill: Bench = {
  id: 'prefill',
  title: 'Prompt tokens per second on one and on two CPU devices',
  figures: ['prefill.cpu1', 'prefill.cpu2', 'prefill.cpu2_greedy', 'prefill.ratio', 'prefill.ratio_greedy'],
  async *run(context): AsyncGenerator<Figure> {
    const texts = promptTexts(context.model);
    const samples = await interleave(
      {
        one: () => prefillRate(context, texts, 1, 'contiguous'),
        two: () => prefillRate(context, texts, 2, 'contiguous'),
        greedy: () => prefillRate(context, texts, 2, 'greedy'),
      },
      { rounds: ROUNDS, warmUp: false },
    );
    const detail = `batch 8, prompts of ${PROMPT_TOKENS}, ${STEP_TOKENS} tokens a step, demo-lm, all experts resident, steps without a load`;
    const rate = { unit: 'tok/s', how: 'measured', detail } as const;
    const contiguous = pairedRatio(samples.two, samples.one);
    const greedy = pairedRatio(samples.greedy, samples.one);
    const baseline = 'prefill.cpu1';
    yield { id: baseline, value: median(samples.one), ...rate };
    yield { id: 'prefill.cpu2', value: median(samples.two), ...rate, versus: { baseline, ratio: contiguous } };
    yield { id: 'prefill.cpu2_greedy', value: median(samples.greedy), ...rate, versus: { baseline, ratio: greedy } };
    yield ratio('prefill.ratio', contiguous, 'contiguous');
    yield ratio('prefill.ratio_greedy', greedy, 'greedy');
  },
};

/** The same for every variant: short prompts first, then the long ones that are measured, from all samples in turn. */
function promptTexts(model: string): string[] {
  const samples = ['english', 'code', 'french', 'technical'].map((name) =>
    readFileSync(path.join(model, `samples/${name}.txt`), 'utf8'),
  );
  const piece = (index: number, characters: number, from: number) => {
    const at = from + Math.floor(index / samples.length) * characters;
    return (samples[index % samples.length] as string).slice(at, at + characters);
  };
  const short = Array.from({ length: SHORT_PROMPTS }, (_, index) => piece(index, SHORT_CHARACTERS, 0));
  return [...short, ...Array.from({ length: LONG_PROMPTS }, (_, index) => piece(index, LONG_CHARACTERS, 4096))];
}

async function prefillRate(
  context: BenchContext,
  texts: string[],
  devices: number,
  placement: RunSettings['placement'],
) {
  const run = await measureRun(context, context.model, {
    devices: cpuDevices(devices),
    placement,
    batch: 8,
    prompts: { kind: 'texts', texts },
    promptCount: texts.length,
    promptTokens: PROMPT_TOKENS,
    newTokens: 1,
    cacheSlots: 'all',
  });
  const steps = warmSteps(run).filter((row) => row.tokens === STEP_TOKENS);
  const rate = tokensPerSecond(steps);
  context.log(
    `prefill: ${devices} device(s), ${placement}: ${rate.toFixed(0)} tok/s over ${steps.length} warm steps of ${run.steps.length}`,
  );
  return rate;
}

function ratio(id: string, value: number, placement: string): Figure {
  return {
    id,
    value,
    unit: 'x',
    how: 'measured',
    detail: `two devices / one, ${placement}, median of ${ROUNDS} pairs`,
    versus: { goal: `>= ${GOAL}`, met: value >= GOAL },
  };
}
