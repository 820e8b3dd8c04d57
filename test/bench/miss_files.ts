import type { WeightPrecision } from '../../engine/checkpoint/block_quantise.ts';
import { type Checkpoint, openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { ensurePack } from '../../engine/checkpoint/pack/make_pack.ts';
import { CpuExperts, openPack } from '../../engine/device/cpu/experts.ts';
import { cpuSessions } from '../../engine/device/cpu/session.ts';
import { planPack } from '../../engine/device/pack_plan.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { type ModelSpec, type MoeLayer, moeLayers } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';

export type FileForm = 'mapped' | 'int8' | 'int4';
type Form = FileForm | 'converted';

/** Loads the expert of a number and gives it up again. */
type Load = (expert: number) => Promise<() => Promise<void>>;

/**
 * Milliseconds of a miss by where its bytes come from, one of each in turn: BF16 read and converted,
 * or mapped from an expert pack, as float32 or at few bits.
 * @param rounds kept; three before them warm up
 */
export async function fileLoads(
  folder: string,
  packsDir: string,
  rounds: number,
): Promise<{ readonly loads: Readonly<Record<Form, number[]>>; readonly bytes: Readonly<Record<FileForm, number>> }> {
  const checkpoint = openCheckpoint(folder);
  const spec = readModelSpec(folder, checkpoint);
  const [layer] = moeLayers(spec) as [MoeLayer];
  const { experts } = layer.feedForward;
  const forms = {
    converted: storeLoad(spec, checkpoint, 'fp32'),
    mapped: await packLoad(spec, checkpoint, 'fp32', packsDir),
    int8: await packLoad(spec, checkpoint, 'int8', packsDir),
    int4: await packLoad(spec, checkpoint, 'int4', packsDir),
  };
  const loads: Record<Form, number[]> = { converted: [], mapped: [], int8: [], int4: [] };
  for (let round = -3; round < rounds; round++) {
    for (const form of Object.keys(forms) as Form[]) {
      const begun = performance.now();
      const release = await forms[form]((round + 3) % experts);
      if (round >= 0) loads[form].push(performance.now() - begun);
      await release();
    }
  }
  checkpoint.close();
  const held = (precision: WeightPrecision) =>
    expertGraph(layer.feedForward.expert(0), spec.hiddenSize, layer.feedForward.width, precision).bytes;
  return { loads, bytes: { mapped: held('fp32'), int8: held('int8'), int4: held('int4') } };
}

function storeLoad(spec: ModelSpec, source: Checkpoint, precision: WeightPrecision, packFolder?: string): Load {
  const layers = moeLayers(spec);
  const shape = { layers, hidden: spec.hiddenSize, precision };
  const ledger = new MemoryLedger('cpu:0', Number.MAX_SAFE_INTEGER);
  const make = cpuSessions({ ms: 0 });
  const store = new CpuExperts({ ...shape, source, pack: openPack(packFolder, shape), ledger, make });
  return async (expert) => {
    await store.load(0, expert);
    return () => store.evict(0, expert);
  };
}

async function packLoad(spec: ModelSpec, checkpoint: Checkpoint, precision: WeightPrecision, packsDir: string) {
  const plan = planPack(spec, checkpoint, { name: 'bench', fingerprint: 'bench' }, precision, packsDir);
  const release = await ensurePack(plan, async () => undefined);
  release();
  return storeLoad(spec, checkpoint, precision, plan.folder);
}
