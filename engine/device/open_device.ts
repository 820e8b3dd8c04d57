import type { ModelSpec } from '../families/spec.ts';
import type { Precision } from '../protocol/settings.ts';
import type { MemoryLedger } from '../rank/ledger.ts';
import { openCpu } from './cpu/open.ts';
import { openCuda } from './cuda/open.ts';
import type { Device } from './device.ts';
import type { RuntimeMeter } from './tensors.ts';
import { openWebGpu } from './webgpu/open.ts';
import type { WeightSource } from './weights.ts';

/** What a device is opened with: it enters what it holds in the ledger, and its time inside ONNX Runtime in the meter. */
export interface DeviceParts {
  readonly spec: ModelSpec;
  readonly source: WeightSource;
  readonly ledger: MemoryLedger;
  readonly meter: RuntimeMeter;
  /** As set; what it comes to is the device's to say. Absent: as stored. */
  readonly precision: Precision | undefined;
  /** Threads that a CPU device's dense part may use, see coordinator/dense_threads.ts; 1 when absent. */
  readonly denseThreads?: number;
  /** The experts' pack, where they are held at few bits and one was made. */
  readonly packFolder: string | undefined;
}

/** Opens a device by its id, `provider:index`, and loads the dense part; experts come as they are needed. */
export async function openDevice(id: string, parts: DeviceParts): Promise<Device> {
  const [provider, index] = id.split(':');
  switch (provider) {
    case 'cpu':
      return openCpu(parts);
    case 'webgpu':
      return openWebGpu(parts);
    case 'cuda':
      return openCuda(Number(index), parts);
    default:
      throw new Error(`${id} is of no provider known here`);
  }
}
