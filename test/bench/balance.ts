import { HISTORY_STEPS } from '../../engine/coordinator/live_placement.ts';
import type { PlacementName } from '../../engine/protocol/settings.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { cpuDevices, decodeSteps, measureRun, tokensPerSecond } from './engine_run.ts';
import { interleave, median, pairedRatio } from './statistics.ts';

const PLACEMENTS: readonly PlacementName[] = ['greedy', 'covariance', 'replicated', 'levelled'];
const DEVICES = 2;
const BATCH = 16;
const ROUNDS = 3;

/** The paper's Avg Max Load and throughput, live: the placement is made after 32 steps, what comes after it is measured. */
export const balance: Bench = {
  id: 'balance',
  title: 'Largest share and new tokens per second by placement, two CPU devices',
  figures: ['contiguous', ...PLACEMENTS].flatMap((name) => [`balance.share.${name}`, `balance.rate.${name}`]),
  async *run(context): AsyncGenerator<Figure> {
    const names: readonly PlacementName[] = ['contiguous', ...PLACEMENTS];
    const shares = new Map<PlacementName, number[]>(names.map((name) => [name, []]));
    const variants = Object.fromEntries(
      names.map((name) => [
        name,
        async () => {
          const { rate, share } = await measure(context, name);
          shares.get(name)?.push(share);
          return rate;
        },
      ]),
    ) as Record<PlacementName, () => Promise<number>>;
    const rates = await interleave(variants, { rounds: ROUNDS, warmUp: false });
    const detail = `${BATCH} sequences, ${DEVICES} devices, demo-lm, all experts resident, steps without a load after the placement`;
    for (const name of names) {
      const share = shares.get(name) ?? [];
      const plain = shares.get('contiguous') ?? [];
      const versus = (baseline: string, ratio: number) =>
        name === 'contiguous' ? {} : { versus: { baseline, ratio } };
      yield {
        id: `balance.share.${name}`,
        value: median(share),
        unit: 'of rows',
        how: 'measured',
        ...versus('balance.share.contiguous', pairedRatio(share, plain)),
        detail: `mean over steps of the largest device share of all layers' rows; ${detail}`,
      };
      yield {
        id: `balance.rate.${name}`,
        value: median(rates[name]),
        unit: 'tok/s',
        how: 'measured',
        ...versus('balance.rate.contiguous', pairedRatio(rates[name], rates.contiguous)),
        detail,
      };
    }
  },
};

async function measure(context: BenchContext, placement: PlacementName): Promise<{ rate: number; share: number }> {
  const run = await measureRun(context, context.model, {
    devices: cpuDevices(DEVICES),
    placement,
    batch: BATCH,
    promptCount: BATCH,
    promptTokens: 64,
    newTokens: 128,
    cacheSlots: 'all',
  });
  const steps = decodeSteps(run, BATCH).filter(({ step }) => step > HISTORY_STEPS);
  const share = steps.reduce((sum, row) => sum + Math.max(...row.share), 0) / steps.length;
  const rate = tokensPerSecond(steps);
  context.log(
    `balance: ${placement}: ${rate.toFixed(0)} tok/s, largest share ${share.toFixed(3)}, ${steps.length} warm steps of ${run.steps.length}`,
  );
  return { rate, share };
}
