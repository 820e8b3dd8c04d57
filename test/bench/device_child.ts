import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { moeLayers } from '../../engine/families/spec.ts';
import { type Churn, churnExperts } from './card_churn.ts';
import { openCardStore } from './card_store.ts';
import { median } from './statistics.ts';

/** Medians of one expert's load, and of a layer's work with and without loads beside it. */
export interface CardTimes {
  readonly expertBytes: number;
  readonly uploadMs: number;
  readonly loadMs: number;
  readonly runMs: number;
  readonly sideLoadMs: number;
  readonly bothMs: number;
  /** Of the shorter of the two, the share that passed beside the other. */
  readonly overlap: number;
  readonly churn?: Churn;
}

export interface CardQuestion {
  readonly device: string;
  readonly folder: string;
  /** Loads and evictions to count memory over; none at 0. */
  readonly churn: number;
}

const ROUNDS = 9;
/** Of a call: a prompt's share of one expert. */
const ROWS = 64;

/** Measures the store of experts as a rank uses it, without a rank. Prints the times as JSON. */
export async function deviceChild({ device, folder, churn }: CardQuestion): Promise<void> {
  const checkpoint = openCheckpoint(folder);
  const spec = readModelSpec(folder, checkpoint);
  const card = await openCardStore(device, spec, checkpoint, ROWS);
  const { experts, settle } = card;
  const count = moeLayers(spec)[0]?.feedForward.experts ?? 0;
  const half = Math.floor(count / 2);
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

  const uploadMs = await times(card.upload);
  for (let expert = 0; expert < half; expert++) await experts.load(0, expert);
  const loadSome = async () => {
    for (let expert = half; expert < count; expert++) await experts.load(0, expert);
  };
  const evictSome = async () => {
    for (let expert = half; expert < count; expert++) await experts.evict(0, expert);
  };
  const run = async () => {
    for (let expert = 0; expert < half; expert++) await card.run(expert);
  };
  const loadsMs: number[] = [];
  const bothMs: number[] = [];
  const runsMs: number[] = [];
  const overlaps: number[] = [];
  // All three in every round: what else the machine does then falls on all of them.
  for (let round = -2; round < ROUNDS; round++) {
    const alone = await timed(loadSome);
    await evictSome();
    const runAlone = await timed(run);
    const beside = await timed(async () => {
      await run();
      await loadSome();
    });
    await evictSome();
    if (round < 0) continue;
    loadsMs.push(alone);
    runsMs.push(runAlone);
    overlaps.push(Math.min(1, Math.max(0, runAlone + alone - beside) / Math.min(runAlone, alone)));
    bothMs.push(beside);
  }
  const sideLoadMs = median(loadsMs);
  const result: CardTimes = {
    expertBytes: experts.bytesPerExpert(0),
    uploadMs,
    loadMs: sideLoadMs / (count - half),
    runMs: median(runsMs),
    sideLoadMs,
    bothMs: median(bothMs),
    overlap: median(overlaps),
    ...(churn > 0 && { churn: await churnExperts(card, half, count, churn) }),
  };
  process.stdout.write(JSON.stringify(result));
}
