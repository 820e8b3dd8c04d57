import { moeLayers } from '../../families/spec.ts';
import type { Device } from '../device.ts';
import type { DeviceParts } from '../open_device.ts';
import { onCpu } from '../precision.ts';
import { WeightStaging } from '../weights.ts';
import { WebGpuDense } from './dense.ts';
import { WebGpuExperts } from './experts.ts';
import { WebGpuKeys } from './keys.ts';
import { WebGpuMemory } from './memory.ts';
import { WebGpuRows } from './rows.ts';

/**
 * The graphics card that WebGPU's driver chooses. Weights, keys and hidden states lie in its memory; what comes back in a layer are router
 * logits, and with several devices exchanged rows.
 */
export async function openWebGpu({ spec, source, ledger, meter, precision }: DeviceParts): Promise<Device> {
  const held = onCpu(precision);
  const memory = new WebGpuMemory(meter);
  const staging = new WeightStaging(source);
  const dense = await WebGpuDense.open(spec, staging, ledger, memory, held.dense);
  const experts = new WebGpuExperts(moeLayers(spec), spec.hiddenSize, staging, ledger, memory, held.experts);
  return {
    dense,
    experts,
    openKeys: (layers, inputs) => new WebGpuKeys(layers, inputs, ledger, memory),
    openRows: (policy, parts, layout) => WebGpuRows.open(policy, parts, layout, experts, memory),
    async close() {
      await dense.close();
      await experts.close();
      await memory.close();
    },
  };
}
