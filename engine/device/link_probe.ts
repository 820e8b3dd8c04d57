import { GraphBuilder } from '../graph/onnx.ts';
import { WeightBlob } from '../graph/weight_blob.ts';
import { cpuSessions, type MakeSession } from './cpu/session.ts';
import { cudaSessions } from './cuda/session.ts';
import { WebGpuMemory } from './webgpu/memory.ts';

/** An expert of a middling model in float32: 16 MiB. */
const ROWS = 1024;
const COLUMNS = 4096;
const BYTES = ROWS * COLUMNS * 4;

/** A card is given its time to turn its link up; packing weights on a processor needs none. */
const CPU_MS = 300;
const CARD_MS = 2000;

export interface LinkMeasure {
  readonly bytesPerSecond: number;
  /** Whether a WebGPU card computes in float16: its driver is asked while the card is open anyway. */
  readonly float16?: boolean;
}

/**
 * How fast weights come to a device, bytes a second: loads of the size of an expert, one after the other as misses are, for 0.3 s on a
 * processor and 2 s on a card. On a processor and with CUDA a load is a session made of weights in memory; with WebGPU an upload, and the
 * time ends when all have arrived. @throws Error of the provider where the device cannot be opened
 */
export async function measureLink(device: string): Promise<LinkMeasure> {
  const [provider, index] = device.split(':');
  const meter = { ms: 0 };
  switch (provider) {
    case 'cpu':
      return { bytesPerSecond: await measureSessions(cpuSessions(meter), CPU_MS) };
    case 'cuda':
      return { bytesPerSecond: await measureSessions(cudaSessions(Number(index), meter), CARD_MS) };
    default:
      return measureUploads();
  }
}

async function measureSessions(make: MakeSession, ms: number): Promise<number> {
  const builder = new GraphBuilder();
  const blob = new WeightBlob(builder);
  builder.input('x', 'float32', ['n', ROWS]);
  builder.node('MatMul', ['x', blob.weight('w', [ROWS, COLUMNS], [{ tensor: 'w' }])], {}, 'y');
  builder.output('y', 'float32', ['n', COLUMNS]);
  const graph = blob.finish();
  const weights = new Uint8Array(graph.blobBytes);
  const load = async () => (await make(graph, weights)).release();
  return rateOf(load, async () => undefined, ms);
}

async function measureUploads(): Promise<LinkMeasure> {
  const memory = new WebGpuMemory({ ms: 0 });
  const weights = new Float32Array(ROWS * COLUMNS);
  const mark = new Float32Array(1);
  try {
    const float16 = await memory.hasHalves();
    const bytesPerSecond = await rateOf(
      async () => (await memory.upload('float32', weights, [ROWS, COLUMNS])).dispose(),
      // What comes back comes after all that was queued before.
      async () => {
        const tensor = await memory.upload('float32', mark, [1, 1]);
        await memory.download(tensor);
        tensor.dispose();
      },
      CARD_MS,
    );
    return { bytesPerSecond, float16 };
  } finally {
    await memory.close();
  }
}

/**
 * Of the fastest load: what other programs take meanwhile is not the link's. The first also opens what the others use, so it does not count.
 * @param arrived waits for all loads
 */
async function rateOf(load: () => Promise<void>, arrived: () => Promise<void>, ms: number): Promise<number> {
  await load();
  await arrived();
  const endMs = performance.now() + ms;
  let fastestMs = Number.POSITIVE_INFINITY;
  while (performance.now() < endMs || fastestMs === Number.POSITIVE_INFINITY) {
    const begunMs = performance.now();
    await load();
    await arrived();
    fastestMs = Math.min(fastestMs, performance.now() - begunMs);
  }
  return (BYTES * 1000) / fastestMs;
}
