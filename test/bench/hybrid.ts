import path from 'node:path';
import { copyPriceRows } from '../../engine/coordinator/copy_price.ts';
import { LinkSpeeds } from '../../engine/coordinator/link_speeds.ts';
import type { DeviceInfo } from '../../engine/protocol/model.ts';
import { NEVER_COPIED } from '../../engine/replay/copy_table.ts';
import { computedOf } from '../../engine/report/data/computed_misses.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { chosen, modelFor, settingsFor } from './device.ts';
import { type MeasuredStep, measureRun } from './engine_run.ts';
import { median } from './statistics.ts';

const ROUNDS = 3;
/** Of a layer: few, so that steps miss. */
const SLOTS = 8;
/** Where a processor plays the card, and the model has 8 experts. */
const FEWER_SLOTS = 2;

/** Copy or compute on a card: one sequence, runs of each setting in turns. */
export const hybrid: Bench = {
  id: 'hybrid',
  title: 'Missing experts of a graphics card copied, or computed on the host (--device webgpu:0)',
  figures: ['hybrid.price', 'hybrid.copy', 'hybrid.rent', 'hybrid.compute'],
  async *run(context): AsyncGenerator<Figure> {
    const info = await chosen(context);
    const folder = modelFor(context, info);
    const cacheSlots = info.software ? FEWER_SLOTS : SLOTS;
    const price = await priceOf(context, info);
    yield {
      id: 'hybrid.price',
      value: price,
      unit: 'rows',
      how: 'measured',
      detail: 'rows of an expert that the host computes in the time of a copy: what auto comes to',
    };
    const limits = new Map([
      ['hybrid.copy', 0],
      ['hybrid.rent', Math.max(1, price)],
      ['hybrid.compute', NEVER_COPIED],
    ]);
    const steps = new Map([...limits.keys()].map((id) => [id, [] as MeasuredStep[]]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [id, copyAfterRows] of limits) {
        const settings = {
          ...settingsFor(info.software, 1),
          devices: [{ id: info.id }],
          cacheSlots,
          copyAfterRows,
        };
        const run = await measureRun(context, folder, settings);
        // The first steps read the prompt, fill the cache and compile the device's programs.
        steps.get(id)?.push(...run.steps.slice(Math.floor(run.steps.length / 2)));
      }
    }
    const stepMs = (id: string) => median((steps.get(id) ?? []).map(({ wallMs }) => wallMs));
    for (const [id, rows] of limits) {
      const own = steps.get(id) ?? [];
      const mean = (of: (step: MeasuredStep) => number) => own.reduce((sum, step) => sum + of(step), 0) / own.length;
      const copies = `${mean(({ loads }) => loads).toFixed(1)} copies in ${mean(({ stallMs }) => stallMs).toFixed(2)} ms`;
      const host = `${mean(computedOf).toFixed(1)} misses computed in ${mean(({ computeMs }) => computeMs).toFixed(2)} ms`;
      const after = rows === 0 ? 'at once' : rows === NEVER_COPIED ? 'never' : `after ${rows} rows`;
      yield {
        id,
        value: stepMs(id),
        unit: 'ms a step',
        how: 'measured',
        detail: `copied ${after}: ${copies}, ${host} a step; ${cacheSlots} slots per layer, one sequence, ${ROUNDS} runs in turns`,
        ...(rows > 0 && { versus: { baseline: 'hybrid.copy', ratio: stepMs(id) / stepMs('hybrid.copy') } }),
      };
    }
  },
};

async function priceOf({ root, tempDir }: BenchContext, info: DeviceInfo): Promise<number> {
  const links = new LinkSpeeds(tempDir, path.join(root, 'out/main/link.cjs'));
  await links.know([info]);
  const [price = 0] = await copyPriceRows([{ id: info.id, bytes: 0, device: info }], links);
  return price;
}
