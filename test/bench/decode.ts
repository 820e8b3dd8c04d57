import type { Bench, BenchContext, Figure } from './bench.ts';
import { cpuDevices, decodeSteps, measureRun, tokensPerSecond } from './engine_run.ts';
import { interleave, median, pairedRatio } from './statistics.ts';

const BATCHES = [8, 1] as const;

export const decode: Bench = {
  id: 'decode',
  title: 'New tokens per second on one and on two CPU devices',
  figures: BATCHES.flatMap((batch) => [`decode.cpu1.batch${batch}`, `decode.cpu2.batch${batch}`]),
  async *run(context): AsyncGenerator<Figure> {
    for (const batch of BATCHES) {
      const { one, two } = await interleave(
        { one: () => decodeRate(context, 1, batch), two: () => decodeRate(context, 2, batch) },
        { rounds: 3, warmUp: false },
      );
      const rate = {
        unit: 'tok/s',
        how: 'measured',
        detail: `${batch} sequence(s), context 64 to 192, demo-lm, all experts resident, steps without a load`,
      } as const;
      const baseline = `decode.cpu1.batch${batch}`;
      yield { id: baseline, value: median(one), ...rate };
      yield {
        id: `decode.cpu2.batch${batch}`,
        value: median(two),
        ...rate,
        versus: { baseline, ratio: pairedRatio(two, one) },
      };
    }
  },
};

async function decodeRate(context: BenchContext, devices: number, batch: number): Promise<number> {
  const run = await measureRun(context, context.model, {
    devices: cpuDevices(devices),
    batch,
    promptCount: batch,
    promptTokens: 64,
    newTokens: 128,
    cacheSlots: 'all',
  });
  const steps = decodeSteps(run, batch);
  const rate = tokensPerSecond(steps);
  context.log(
    `decode: ${devices} device(s), batch ${batch}: ${rate.toFixed(0)} tok/s over ${steps.length} warm steps of ${run.steps.length}`,
  );
  return rate;
}
