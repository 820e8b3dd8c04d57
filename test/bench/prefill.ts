import type { RunSettings } from '../../engine/protocol/settings.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { cpuDevices, measureRun, tokensPerSecond, warmSteps } from './engine_run.ts';
import { interleave, median, pairedRatio } from './statistics.ts';

const ROUNDS = 3;
const GOAL = 1.5;

export const prefill: Bench = {
  id: 'prefill',
  title: 'Prompt tokens per second on one and on two CPU devices',
  figures: ['prefill.cpu1', 'prefill.cpu2', 'prefill.cpu2_greedy', 'prefill.ratio', 'prefill.ratio_greedy'],
  async *run(context): AsyncGenerator<Figure> {
    const samples = await interleave(
      {
        one: () => prefillRate(context, 1, 'contiguous', 32),
        two: () => prefillRate(context, 2, 'contiguous', 32),
        // Greedy needs 32 steps of history first, then loads the experts that moved.
        greedy: () => prefillRate(context, 2, 'greedy', 112),
      },
      { rounds: ROUNDS, warmUp: false },
    );
    const detail = 'batch 8, prompts of 256, demo-lm, all experts resident, steps without a load';
    const rate = { unit: 'tok/s', how: 'measured', detail } as const;
    const contiguous = pairedRatio(samples.two, samples.one);
    const greedy = pairedRatio(samples.greedy, samples.one);
    yield { id: 'prefill.cpu1', value: median(samples.one), ...rate };
    yield { id: 'prefill.cpu2', value: median(samples.two), ...rate, versus: { baseline: 'prefill.cpu1', ratio: contiguous } };
    yield { id: 'prefill.cpu2_greedy', value: median(samples.greedy), ...rate, versus: { baseline: 'prefill.cpu1', ratio: greedy } };
    yield ratio('prefill.ratio', contiguous, 'contiguous');
    yield ratio('prefill.ratio_greedy', greedy, 'greedy');
  },
};

async function prefillRate(context: BenchContext, devices: number, placement: RunSettings['placement'], promptCount: number) {
  const run = await measureRun(context, context.model, {
    devices: cpuDevices(devices),
    placement,
    batch: 8,
    promptCount,
    promptTokens: 256,
    newTokens: 1,
    cacheSlots: 'all',
  });
  const steps = warmSteps(run);
  const rate = tokensPerSecond(steps);
  context.log(`prefill: ${devices} device(s), ${placement}: ${rate.toFixed(0)} tok/s over ${steps.length} warm steps of ${run.steps.length}`);
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
