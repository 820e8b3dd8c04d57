import type { Checkpoint } from '../../engine/checkpoint/checkpoint.ts';
import { CpuExperts } from '../../engine/device/cpu/experts.ts';
import { CudaExperts } from '../../engine/device/cuda/experts.ts';
import { cudaSessions } from '../../engine/device/cuda/session.ts';
import type { ExpertStore } from '../../engine/device/device.ts';
import { chooseDevices } from '../../engine/device/discovery.ts';
import { WebGpuExperts } from '../../engine/device/webgpu/experts.ts';
import { WebGpuMemory } from '../../engine/device/webgpu/memory.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import { type ModelSpec, moeLayers } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';
import { GraphBuilder } from '../../engine/graph/onnx.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';

/** A card's experts of the first MoE layer, as a rank uses them, without a rank. */
export interface CardStore {
  readonly experts: Pick<ExpertStore, 'bytesPerExpert' | 'load' | 'evict'>;
  readonly ledger: MemoryLedger;
  /** Sends as many bytes as an expert has, and gives them up again. */
  upload(): Promise<void>;
  /** The same rows each time. */
  run(expert: number): Promise<void>;
  /** Waits for all that was queued. */
  settle(): Promise<void>;
}

/** @param rows of a call */
export function openCardStore(
  device: string,
  spec: ModelSpec,
  checkpoint: Checkpoint,
  rows: number,
): Promise<CardStore> {
  const [provider, index] = device.split(':');
  return provider === 'cuda' ? openCuda(Number(index), spec, checkpoint, rows) : openWebGpu(spec, checkpoint, rows);
}

const ledgerOf = (device: string) => new MemoryLedger(device, Number.MAX_SAFE_INTEGER);

async function openWebGpu(spec: ModelSpec, checkpoint: Checkpoint, rows: number): Promise<CardStore> {
  const { hiddenSize: hidden } = spec;
  const memory = new WebGpuMemory({ ms: 0 });
  const staging = new WeightStaging(checkpoint);
  const ledger = ledgerOf('webgpu:0');
  const experts = new WebGpuExperts(moeLayers(spec), hidden, staging, ledger, memory, 'fp32');
  const blob = new Float32Array(experts.bytesPerExpert(0) / 4).fill(0.01);
  const marker = await memory.zeros([1, 1]);
  const input = await memory.upload('float32', new Float32Array(rows * hidden).fill(0.1), [rows, hidden]);
  const outputs = await memory.zeros([rows, hidden]);
  const every = Int32Array.from({ length: rows }, (_, row) => row);
  return {
    experts,
    ledger,
    upload: async () => (await memory.upload('float32', blob, [blob.length / hidden, hidden])).dispose(),
    run: (expert) => experts.run(0, expert, input, every, outputs, every),
    settle: async () => {
      await memory.download(marker);
    },
  };
}

async function openCuda(index: number, spec: ModelSpec, checkpoint: Checkpoint, rows: number): Promise<CardStore> {
  const id = `cuda:${index}`;
  // Also loads CUDA's libraries into this process.
  await chooseDevices([{ id }]);
  const layers = moeLayers(spec);
  const { hiddenSize: hidden } = spec;
  const ledger = ledgerOf(id);
  const make = cudaSessions(index, { ms: 0 });
  const newBuilder = () => new GraphBuilder(false);
  const shape = { layers, hidden, precision: 'fp32', ledger } as const;
  const inner = new CpuExperts({ ...shape, source: checkpoint, pack: undefined, make, newBuilder });
  const experts = new CudaExperts({ ...shape, inner });
  const [first] = layers as [(typeof layers)[number]];
  const { feedForward } = first;
  const graph = expertGraph(feedForward.expert(0), hidden, feedForward.width, 'fp32', undefined, newBuilder());
  const blob = new Uint8Array(graph.blobBytes);
  const input = new Float32Array(rows * hidden).fill(0.1);
  return {
    experts,
    ledger,
    upload: async () => (await make(graph, blob)).release(),
    run: async (expert) => {
      await experts.run(0, expert, input, rows);
    },
    // Each call returns when it is done.
    settle: async () => undefined,
  };
}
