import { HISTORY_STEPS } from '../../engine/coordinator/live_placement.ts';
import type { PlacementName } from '../../engine/protocol/settings.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { cpuDevices, decodeSteps, measureRun, tokensPerSecond } from './engine_run.ts';
import { median, pairedRatio } from './statistics.ts';

const PLACEMENTS: readonly PlacementName[] = ['greedy', 'covariance', 'replicated', 'levelled'];
const DEVICES = 2;
const BATCH = 16;
/** About half of the steps come after the placement and load nothing. */
const NEW_TOKENS = 80;
const ROUNDS = 3;

/** The paper's Avg Max Load and throughput, live: the placement is made after 32 steps, what comes after it is measured. */
export const balance: Bench = {
  id: 'balance',
  title: 'Largest share and new tokens per second by placement, two CPU devices',
  figures: ['contiguous', ...PLACEMENTS].flatMap((name) => [`balance.share.${name}`, `balance.rate.${name}`]),
  async *run(context): AsyncGenerator<Figure> {
    // A pair at a time: its figures come as soon as it is done, and its two placements were measured side by side.
    for (const [index, name] of PLACEMENTS.entries()) {
      const plain = new Samples();
      const placed = new Samples();
      for (let round = 0; round < ROUNDS; round++) {
        plain.add(await measure(context, 'contiguous'));
        placed.add(await measure(context, name));
      }
      if (index === 0) yield* figuresOf('contiguous', plain);
      yield* figuresOf(name, placed, plain);
    }
  },
};

class Samples {
  readonly rates: number[] = [];
  readonly shares: number[] = [];

  add({ rate, share }: { rate: number; share: number }): void {
    this.rates.push(rate);
    this.shares.push(share);
  }
}

function* figuresOf(name: PlacementName, { rates, shares }: Samples, plain?: Samples): Generator<Figure> {
  const detail = `${BATCH} sequences, ${DEVICES} devices, demo-lm, all experts resident, steps without a load after the placement`;
  yield {
    id: `balance.share.${name}`,
    value: median(shares),
    unit: 'of rows',
    how: 'measured',
    detail: `mean over steps of the largest device share of all layers' rows; ${detail}`,
    ...(plain && { versus: { baseline: 'balance.share.contiguous', ratio: pairedRatio(shares, plain.shares) } }),
  };
  yield {
    id: `balance.rate.${name}`,
    value: median(rates),
    unit: 'tok/s',
    how: 'measured',
    detail,
    ...(plain && { versus: { baseline: 'balance.rate.contiguous', ratio: pairedRatio(rates, plain.rates) } }),
  };
}

async function measure(context: BenchContext, placement: PlacementName): Promise<{ rate: number; share: number }> {
  const run = await measureRun(context, context.model, {
    devices: cpuDevices(DEVICES),
    placement,
    batch: BATCH,
    promptCount: BATCH,
    promptTokens: 64,
    newTokens: NEW_TOKENS,
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
