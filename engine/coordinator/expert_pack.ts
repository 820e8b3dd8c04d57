import { EngineRefusal } from '../api.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { ensurePack, type PackPause } from '../checkpoint/pack/make_pack.ts';
import { packedAs, planPack } from '../device/pack_plan.ts';
import type { Precision } from '../protocol/settings.ts';
import type { OpenModel } from './open_model.ts';

/** Between two tellings. */
const TELLING_MS = 100;

/**
 * Lets others have the thread after every piece of a conversion, says how far it is, and ends it when asked to.
 * @param tell share done, and what is being done with how long it still takes
 */
export function packingPause(signal: AbortSignal, tell: (fraction: number, text: string) => void): PackPause {
  let toldMs = Number.NEGATIVE_INFINITY;
  return async (fraction, text) => {
    if (performance.now() - toldMs > TELLING_MS) {
      toldMs = performance.now();
      tell(fraction, text);
    }
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted)
      throw new EngineRefusal(
        'precision: packing the experts was cancelled; what is packed is kept for the next time.',
      );
  };
}

/** A pack that may be read until it is given back. */
export interface HeldPack {
  readonly folder: string;
  release(): void;
}

/**
 * The pack that a run at this precision reads its experts from, made first where there is none.
 * @returns undefined where experts come from the checkpoint
 */
export async function holdExpertPack(
  { spec, summary }: OpenModel,
  precision: Precision,
  packsDir: string,
  pause: PackPause,
): Promise<HeldPack | undefined> {
  const checkpoint = openCheckpoint(summary.path);
  try {
    const experts = packedAs(spec, checkpoint, precision.experts);
    if (experts === undefined) return undefined;
    const plan = planPack(spec, checkpoint, summary, experts, packsDir);
    const release = await ensurePack(plan, pause);
    return { folder: plan.folder, release };
  } finally {
    checkpoint.close();
  }
}
