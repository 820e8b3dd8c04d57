import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { WebGpuExperts } from '../../engine/device/webgpu/experts.ts';
import { WebGpuMemory } from '../../engine/device/webgpu/memory.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { moeLayers } from '../../engine/families/spec.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';
import { type Churn, churnExperts } from './card_churn.ts';
import { median } from './statistics.ts';

/** Medians of one expert's load, and of a layer's work with and without loads beside it. */
export interface CardTimes {
  readonly expertBytes: number;
  readonly uploadMs: number;
  readonly loadMs: number;
  readonly runMs: number;
  readonly sideLoadMs: number;
  readonly bothMs: number;
  readonly churn?: Churn;
}

const ROUNDS = 9;
/** Of a call: a prompt's share of one expert. */
const ROWS = 64;

/** Measures the store of experts as a rank uses it, without a rank. Prints the times as JSON. */
export async function deviceChild({ folder, churn }: { folder: string; churn: number }): Promise<void> {
  const checkpoint = openCheckpoint(folder);
  const spec = readModelSpec(folder, checkpoint);
  const memory = new WebGpuMemory({ ms: 0 });
  const ledger = new MemoryLedger('webgpu:0', Number.MAX_SAFE_INTEGER);
  const layers = moeLayers(spec);
  const { hiddenSize: hidden } = spec;
  const experts = new WebGpuExperts(layers, hidden, new WeightStaging(checkpoint), ledger, memory, 'fp32');
  const count = layers[0]?.feedForward.experts ?? 0;
  const half = Math.floor(count / 2);
  const marker = await memory.zeros([1, 1]);
  /** Waits for all that was queued. */
  const settle = () => memory.download(marker);
  const timed = async (work: () => Promise<void>): Promise<number> => {
    await settle();
    const begun = performance.now();
    await work();
    await settle();
    return performance.now() - begun;
  };
  const times = async (work: () => Promise<void>): Promise<number> => {
    const all: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      const ms = await timed(work);
      if (round >= 0) all.push(ms);
    }
    return median(all);
  };

  const blob = new Float32Array(experts.bytesPerExpert(0) / 4).fill(0.01);
  const uploadMs = await times(async () =>
    (await memory.upload('float32', blob, [blob.length / hidden, hidden])).dispose(),
  );
  for (let expert = 0; expert < half; expert++) await experts.load(0, expert);
  const loadSome = async () => {
    for (let expert = half; expert < count; expert++) await experts.load(0, expert);
  };
  const evictSome = async () => {
    for (let expert = half; expert < count; expert++) await experts.evict(0, expert);
  };
  const rows = await memory.upload('float32', new Float32Array(ROWS * hidden).fill(0.1), [ROWS, hidden]);
  const outputs = await memory.zeros([ROWS, hidden]);
  const every = Int32Array.from({ length: ROWS }, (_, row) => row);
  const run = async () => {
    for (let expert = 0; expert < half; expert++) await experts.run(0, expert, rows, every, outputs, every);
  };
  const loadsMs: number[] = [];
  const bothMs: number[] = [];
  const runMs = await times(run);
  for (let round = -2; round < ROUNDS; round++) {
    const alone = await timed(loadSome);
    await evictSome();
    const beside = await timed(async () => {
      await run();
      await loadSome();
    });
    await evictSome();
    if (round < 0) continue;
    loadsMs.push(alone);
    bothMs.push(beside);
  }
  const sideLoadMs = median(loadsMs);
  const result: CardTimes = {
    expertBytes: experts.bytesPerExpert(0),
    uploadMs,
    loadMs: sideLoadMs / (count - half),
    runMs,
    sideLoadMs,
    bothMs: median(bothMs),
    ...(churn > 0 && { churn: await churnExperts(experts, memory, half, count, churn) }),
  };
  process.stdout.write(JSON.stringify(result));
}
