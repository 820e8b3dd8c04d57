import { moeLayers } from '../../families/spec.ts';
import { HostRows } from '../../rank/host_rows.ts';
import { KvCache } from '../../rank/kv_cache.ts';
import type { Device } from '../device.ts';
import type { DeviceParts } from '../open_device.ts';
import { onCpu } from '../precision.ts';
import { WeightStaging } from '../weights.ts';
import { CpuDense } from './dense.ts';
import { CpuExperts } from './experts.ts';
import { CpuMasks } from './masks.ts';

/** One thread of this machine's processor: everything lies in the process's own memory, and is computed in float32 or few bits. */
export async function openCpu({ spec, source, ledger, meter, precision }: DeviceParts): Promise<Device> {
  const held = onCpu(precision);
  const staging = new WeightStaging(source);
  const dense = await CpuDense.open(spec, staging, ledger, meter, held.dense);
  const experts = new CpuExperts(moeLayers(spec), spec.hiddenSize, staging, ledger, meter, held.experts);
  const host = {
    run: experts.run.bind(experts),
    openMasks: () => CpuMasks.open(spec.hiddenSize, meter),
  };
  return {
    dense,
    experts,
    openKeys: (layers, inputs) => new KvCache(layers, inputs, ledger),
    openRows: (policy, parts, layout) => HostRows.open(policy, parts, layout, host),
    close: () => dense.close(),
  };
}
