import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import path from 'node:path';
import { listDevices } from '../../engine/device/discovery.ts';
import type { DeviceInfo } from '../../engine/protocol/model.ts';
import { type Bench, type BenchContext, CannotRun, type Figure } from './bench.ts';
import type { CardQuestion, CardTimes } from './device_child.ts';
import { cpuDevices, decodeSteps, type MeasuredStep, measureRun, tokensPerSecond } from './engine_run.ts';
import { median } from './statistics.ts';
import { writeSyntheticOlmoe } from './synthetic_olmoe.ts';

const BATCHES = [8, 1] as const;
/** A processor that plays a card computes 0.1 GFLOP/s: enough to see that everything is measured. */
const TINY = { hidden: 64, width: 32, layers: 2, experts: 8, topK: 2 };
const LARGE = { hidden: 2048, width: 1024, layers: 2, experts: 32, topK: 8 };
const CHURN = 10_000;

export const device: Bench = {
  id: 'device',
  title: 'A graphics card (--device webgpu:0, cuda:0): tokens beside processors, uploads, and what of them overlaps',
  figures: [
    ...BATCHES.flatMap((batch) => [`device.tokens.batch${batch}`, `device.tokens.cpu.batch${batch}`]),
    'device.tokens.misses',
    'device.upload',
    'device.load',
    'device.overlap',
  ],
  async *run(context): AsyncGenerator<Figure> {
    const info = await chosen(context);
    const folder = modelFor(context, info);
    yield* tokens(context, info, folder);
    const times = await askChild(context, { device: info.id, folder, churn: 0 });
    const size = `${(times.expertBytes / 1e6).toFixed(2)} MB experts as float32`;
    const rate = (ms: number) => times.expertBytes / ms / 1e6;
    yield {
      id: 'device.upload',
      value: rate(times.uploadMs),
      unit: 'GB/s',
      how: 'measured',
      detail: `${size}, ${info.provider === 'cuda' ? 'sent as a session' : 'sent'}`,
    };
    yield {
      id: 'device.load',
      value: rate(times.loadMs),
      unit: 'GB/s',
      how: 'measured',
      detail: `${size}, read from BF16 in the page cache, converted and sent`,
      versus: { baseline: 'device.upload', ratio: times.uploadMs / times.loadMs },
    };
    const { runMs, sideLoadMs, bothMs, overlap } = times;
    yield {
      id: 'device.overlap',
      value: overlap * 100,
      unit: '%',
      how: 'measured',
      detail: `of the shorter: resident experts alone ${runMs.toFixed(1)} ms, loads alone ${sideLoadMs.toFixed(1)} ms, both ${bothMs.toFixed(1)} ms`,
    };
  },
};

export const churn: Bench = {
  id: 'churn',
  title: `The process's memory over ${CHURN} loads and evictions on a graphics card (--device webgpu:0, cuda:0)`,
  figures: ['churn.growth'],
  async *run(context): AsyncGenerator<Figure> {
    if (process.platform !== 'linux') throw new CannotRun('resident memory is read from /proc');
    const info = await chosen(context);
    const times = await askChild(context, { device: info.id, folder: modelFor(context, info), churn: CHURN });
    const { beforeBytes, afterBytes, ms } = times.churn as NonNullable<CardTimes['churn']>;
    const growth = afterBytes / beforeBytes - 1;
    yield {
      id: 'churn.growth',
      value: growth * 100,
      unit: '%',
      how: 'measured',
      detail: `VmRSS ${(beforeBytes / 1e6).toFixed(0)} to ${(afterBytes / 1e6).toFixed(0)} MB, ${(ms / CHURN).toFixed(2)} ms a load and eviction`,
      versus: { goal: '< 5%', met: growth < 0.05 },
    };
  },
};

async function* tokens(context: BenchContext, info: DeviceInfo, folder: string): AsyncGenerator<Figure> {
  const processors = Math.min(cpus().length, info.software ? 1 : 2);
  for (const batch of BATCHES) {
    const card = await rate(context, folder, [{ id: info.id }], batch, info.software);
    const cpu = await rate(context, folder, cpuDevices(processors), batch, info.software);
    const detail = `${batch} sequence(s), all experts resident, steps without a load`;
    const baseline = `device.tokens.cpu.batch${batch}`;
    yield {
      id: baseline,
      value: cpu,
      unit: 'tok/s',
      how: 'measured',
      detail: `${processors} CPU device(s), ${detail}`,
    };
    yield {
      id: `device.tokens.batch${batch}`,
      value: card,
      unit: 'tok/s',
      how: 'measured',
      detail: `${info.name}, ${detail}`,
      versus: { baseline, ratio: card / cpu },
    };
  }
  const run = await measureRun(context, folder, {
    ...settingsFor(info.software, 8),
    devices: [{ id: info.id }],
    cacheSlots: 2,
  });
  const rates = run.steps.filter(({ tokens: count }) => count > 0).map((step) => (step.tokens / step.wallMs) * 1000);
  const sum = (of: (step: MeasuredStep) => number) => run.steps.reduce((total, step) => total + of(step), 0);
  const [loads, hiddenMs, stallMs] = [
    sum((step) => step.loads),
    sum((step) => step.hiddenMs),
    sum((step) => step.stallMs),
  ];
  yield {
    id: 'device.tokens.misses',
    value: median(rates),
    unit: 'tok/s',
    how: 'measured',
    detail: `8 sequences, 2 slots per layer, ${(loads / run.steps.length).toFixed(1)} loads a step, ${((100 * hiddenMs) / Math.max(Number.MIN_VALUE, hiddenMs + stallMs)).toFixed(1)}% of their time hidden (sampled in the run)`,
  };
}

async function rate(
  context: BenchContext,
  folder: string,
  devices: readonly { id: string }[],
  batch: number,
  software: boolean,
): Promise<number> {
  const run = await measureRun(context, folder, { ...settingsFor(software, batch), devices: [...devices] });
  const steps = decodeSteps(run, batch);
  const value = tokensPerSecond(steps);
  context.log(
    `device: ${devices.map(({ id }) => id).join(', ')}, batch ${batch}: ${value.toFixed(1)} tok/s over ${steps.length} steps`,
  );
  return value;
}

export const settingsFor = (software: boolean, batch: number) => ({
  batch,
  promptCount: batch,
  promptTokens: software ? 8 : 64,
  newTokens: software ? 16 : 128,
});

export async function chosen({ device: id }: BenchContext): Promise<DeviceInfo> {
  if (id === undefined) throw new CannotRun('no card is named; add --device webgpu:0 or cuda:0');
  const { devices, absent } = await listDevices();
  const info = devices.find((entry) => entry.id === id);
  if (info === undefined) {
    const why = absent.map(({ provider, reason }) => `${provider}: ${reason}`).join(' ');
    throw new CannotRun(`this machine has no ${id}. ${why}`);
  }
  if (info.refusal !== undefined) throw new CannotRun(info.refusal);
  if (info.provider === 'cpu') throw new CannotRun(`${id} is no graphics card`);
  return info;
}

export function modelFor(context: BenchContext, { software }: DeviceInfo): string {
  const folder = path.join(context.tempDir, `card-${software ? 'tiny' : 'large'}`);
  writeSyntheticOlmoe(folder, software ? TINY : LARGE, context.model);
  return folder;
}

/** A process of its own: two threads of one process cannot use WebGPU at once, and runs have theirs. */
async function askChild(context: BenchContext, data: CardQuestion): Promise<CardTimes> {
  const child = spawn(process.execPath, [context.selfEntry, '--role', 'card', JSON.stringify(data)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 1_800_000,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the measured process ended with ${code}`);
  return JSON.parse(output) as CardTimes;
}
