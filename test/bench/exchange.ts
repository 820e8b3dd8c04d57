import { Worker } from 'node:worker_threads';
import { STEP_PHASES } from '../../engine/protocol/telemetry.ts';
import { allocateExchange, allocateOutboxes } from '../../engine/rank/exchange.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { cpuDevices, decodeSteps, measureRun } from './engine_run.ts';
import { BARRIERS, EXCHANGES, type ExchangeShape, exchangeBlocks } from './exchange_blocks.ts';
import { median, pairedRatio } from './statistics.ts';

const SHAPES: readonly (ExchangeShape & { readonly id: string })[] = [
  { id: 'exchange.us.rows8_hidden192', rows: 8, hidden: 192 },
  { id: 'exchange.us.rows64_hidden2048', rows: 64, hidden: 2048 },
];

export const exchange: Bench = {
  id: 'exchange',
  title: "Microseconds of a layer's exchange between two ranks",
  figures: ['exchange.us', ...SHAPES.map(({ id }) => id), 'exchange.us.barriers'],
  async *run(context): AsyncGenerator<Figure> {
    yield await inDecode(context);
    for (const shape of SHAPES) {
      const { exchanges, barriers } = await alone(context, shape);
      yield {
        id: shape.id,
        value: median(exchanges),
        unit: 'us',
        how: 'measured',
        detail: `Exchange alone, two threads, ${shape.rows} rows of ${shape.hidden} from each, out and back`,
        versus: { baseline: 'two barriers', ratio: pairedRatio(exchanges, barriers) },
      };
      if (shape !== SHAPES[0]) continue;
      yield {
        id: 'exchange.us.barriers',
        value: median(barriers),
        unit: 'us',
        how: 'measured',
        detail: 'two barriers, nothing copied',
      };
    }
  },
};

/** As a person's run pays for it: copies and the wait for the other rank, which computes for as long as it has to. */
async function inDecode(context: BenchContext): Promise<Figure> {
  const run = await measureRun(context, context.model, {
    devices: cpuDevices(2),
    batch: 8,
    promptCount: 8,
    promptTokens: 64,
    newTokens: 128,
  });
  const index = STEP_PHASES.indexOf('exchange');
  const layers = (run.steps[0]?.inactive.length ?? 0) || Number.NaN;
  const steps = decodeSteps(run, 8);
  const perLayer = median(steps.map((row) => ((row.phaseMs[index] as number) / layers) * 1000));
  const stepUs = median(steps.map((row) => row.durationMs)) * 1000;
  return {
    id: 'exchange.us',
    value: perLayer,
    unit: 'us/layer',
    how: 'measured',
    detail: `decode, batch 8, 2 devices, waiting for the other rank included; ${((100 * perLayer * layers) / stepUs).toFixed(0)}% of the step`,
  };
}

/** The other thread does the same blocks in the same order; samples are microseconds per round of each block. */
async function alone({ selfEntry }: BenchContext, { rows, hidden }: ExchangeShape) {
  const memory = allocateExchange(2, 64, hidden);
  const outboxes = allocateOutboxes(2, hidden, { pairs: 4 * rows, sentRows: rows, resultRows: 4 * rows });
  const job = { memory, outboxes, rows };
  const worker = new Worker(selfEntry, { workerData: { role: 'exchange', ...job } });
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('exit', () => resolve());
    worker.once('error', reject);
  });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const samples = exchangeBlocks(job, 0);
  await ended;
  return { exchanges: samples[EXCHANGES], barriers: samples[BARRIERS] };
}
