import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { type Checkpoint, openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { ensurePack } from '../../engine/checkpoint/pack/make_pack.ts';
import { CpuExperts } from '../../engine/device/cpu/experts.ts';
import { cpuSessions } from '../../engine/device/cpu/session.ts';
import { PackLayout, planPack } from '../../engine/device/pack_plan.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { expertWeights, type ModelSpec, type MoeLayer, moeLayers } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';

export type FileForm = 'mapped' | 'int8' | 'int4';
type Form = FileForm | 'converted';

/** Loads the expert of a number and gives it up again. */
type Load = (expert: number) => Promise<() => Promise<void>>;

/**
 * Milliseconds of a miss by where its bytes come from, one of each in turn: BF16 read and converted, float32 mapped from a file,
 * few bits mapped from an expert pack.
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
    mapped: mappedLoad(spec, layer, checkpoint, packsDir),
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
  const held = (precision: 'fp32' | 'int8' | 'int4') =>
    expertGraph(layer.feedForward.expert(0), spec.hiddenSize, layer.feedForward.width, precision).bytes;
  return { loads, bytes: { mapped: held('fp32'), int8: held('int8'), int4: held('int4') } };
}

function storeLoad(
  spec: ModelSpec,
  source: Checkpoint,
  precision: 'fp32' | 'int8' | 'int4',
  packFolder?: string,
): Load {
  const layers = moeLayers(spec);
  const pack =
    packFolder === undefined || precision === 'fp32'
      ? undefined
      : { folder: packFolder, layout: new PackLayout(layers, spec.hiddenSize, precision) };
  const ledger = new MemoryLedger('cpu:0', Number.MAX_SAFE_INTEGER);
  const store = new CpuExperts({
    layers,
    hidden: spec.hiddenSize,
    precision,
    source,
    pack,
    ledger,
    make: cpuSessions({ ms: 0 }),
  });
  return async (expert) => {
    await store.load(0, expert);
    return () => store.evict(0, expert);
  };
}

async function packLoad(spec: ModelSpec, checkpoint: Checkpoint, precision: 'int8' | 'int4', packsDir: string) {
  const plan = planPack(spec, checkpoint, { name: 'bench', fingerprint: 'bench' }, precision, packsDir);
  const release = await ensurePack(plan, async () => undefined);
  release();
  return storeLoad(spec, checkpoint, precision, plan.folder);
}

/** What a pack of float32 would be, were there one: see pack_plan.ts. */
function mappedLoad(spec: ModelSpec, { feedForward }: MoeLayer, checkpoint: Checkpoint, packsDir: string): Load {
  mkdirSync(packsDir, { recursive: true });
  const location = 'float32.bin';
  const fd = openSync(path.join(packsDir, location), 'w');
  const staging = new WeightStaging(checkpoint);
  const graph = expertGraph(feedForward.expert(0), spec.hiddenSize, feedForward.width, 'fp32');
  const strideBytes = Math.ceil(graph.blobBytes / 4096) * 4096;
  for (let id = 0; id < feedForward.experts; id++) {
    const blob = staging.gather(graph, expertWeights(feedForward.expert(id)));
    writeSync(fd, blob, 0, blob.length, id * strideBytes);
  }
  closeSync(fd);
  return async (id) => {
    const blob = { location, offsetBytes: id * strideBytes };
    const placed = expertGraph(feedForward.expert(id), spec.hiddenSize, feedForward.width, 'fp32', { blob });
    const session = await cpuSessions({ ms: 0 })(placed, new Uint8Array(0), packsDir);
    return () => session.release();
  };
}
