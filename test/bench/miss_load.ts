import path from 'node:path';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { cpuSessions } from '../../engine/device/cpu/session.ts';
import { floats, type RuntimeMeter } from '../../engine/device/tensors.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { expertWeights, moeLayers } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { type FileForm, fileLoads } from './miss_files.ts';
import { median } from './statistics.ts';
import { writeSyntheticOlmoe } from './synthetic_olmoe.ts';

const ROUNDS = 25;
/** Rows of the expert run that a load is compared with: a decode step at batch 8 rarely gives one expert more. */
const ROWS = 8;

const SIZES = [
  { name: 'demo', shape: undefined },
  { name: '6mb', shape: { hidden: 1024, width: 512, layers: 1, experts: 8, topK: 2 } },
  { name: '25mb', shape: { hidden: 2048, width: 1024, layers: 1, experts: 4, topK: 2 } },
] as const;

/** What a miss may be instead, its bytes ready in a file: float32 mapped, or few bits from an expert pack. */
const FROM_FILES: readonly FileForm[] = ['mapped', 'int8', 'int4'];

export const missLoad: Bench = {
  id: 'miss',
  title: 'Milliseconds of one miss: an expert read, converted, and made a session',
  figures: SIZES.flatMap(({ name }) => [
    `miss.load_ms.${name}`,
    `miss.load_ms.${name}.read`,
    `miss.load_ms.${name}.create`,
    ...FROM_FILES.map((form) => `miss.load_ms.${name}.${form}`),
  ]),
  async *run(context): AsyncGenerator<Figure> {
    for (const { name, shape } of SIZES) {
      const folder = shape === undefined ? context.model : path.join(context.tempDir, `experts-${name}`);
      if (shape !== undefined) writeSyntheticOlmoe(folder, shape, context.model);
      yield* measure(context, `miss.load_ms.${name}`, folder);
      yield* measureFiles(context, `miss.load_ms.${name}`, folder);
    }
  },
};

async function* measure(context: BenchContext, id: string, folder: string): AsyncGenerator<Figure> {
  const checkpoint = openCheckpoint(folder);
  const spec = readModelSpec(folder, checkpoint);
  const [layer] = moeLayers(spec);
  if (layer === undefined) throw new Error(`${folder} has no experts`);
  const { feedForward } = layer;
  const graph = expertGraph(feedForward.expert(0), spec.hiddenSize, feedForward.width, 'fp32');
  const staging = new WeightStaging(checkpoint);
  const meter: RuntimeMeter = { ms: 0 };
  const input = new Float32Array(ROWS * spec.hiddenSize).fill(0.1);
  const reads: number[] = [];
  const creates: number[] = [];
  const runs: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    const expert = feedForward.expert((round + 3) % feedForward.experts);
    const begun = performance.now();
    const weights = staging.gather(graph, expertWeights(expert));
    const read = performance.now();
    const session = await cpuSessions(meter)(graph, weights);
    const created = performance.now();
    for (let run = 0; run < 3; run++) await session.run({ x: floats(input, [ROWS, spec.hiddenSize]) });
    const ran = performance.now();
    await session.release();
    if (round < 0) continue;
    reads.push(read - begun);
    creates.push(created - read);
    runs.push((ran - created) / 3);
  }
  checkpoint.close();
  const loads = reads.map((read, round) => read + (creates[round] as number));
  const bytes = graph.bytes;
  const size = bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  context.log(`miss: ${size} expert, ${(bytes / median(loads) / 1e6).toFixed(2)} GB/s`);
  const common = { unit: 'ms', how: 'measured' } as const;
  const versus = { baseline: `running it on ${ROWS} rows`, ratio: median(loads) / median(runs) };
  yield { id, value: median(loads), ...common, detail: `${size} as float32, stored as BF16 in the page cache`, versus };
  yield {
    id: `${id}.read`,
    value: median(reads),
    ...common,
    detail: 'read and converted',
    versus: { baseline: id, ratio: median(reads) / median(loads) },
  };
  yield {
    id: `${id}.create`,
    value: median(creates),
    ...common,
    detail: 'session created',
    versus: { baseline: id, ratio: median(creates) / median(loads) },
  };
}

/** The forms in turn, an expert of each a round, so that what the machine does meanwhile meets all alike. */
async function* measureFiles(context: BenchContext, id: string, folder: string): AsyncGenerator<Figure> {
  const { loads, bytes } = await fileLoads(
    folder,
    path.join(context.tempDir, `packs-${path.basename(folder)}`),
    ROUNDS,
  );
  const baseline = median(loads.converted);
  for (const form of FROM_FILES) {
    yield {
      id: `${id}.${form}`,
      value: median(loads[form]),
      unit: 'ms',
      how: 'measured',
      detail: `${(bytes[form] / 1e6).toFixed(2)} MB ${form === 'mapped' ? 'of float32 in a file' : 'in an expert pack'}, mapped from the page cache`,
      versus: { baseline: 'read and converted from BF16, in the same rounds', ratio: median(loads[form]) / baseline },
    };
  }
}
