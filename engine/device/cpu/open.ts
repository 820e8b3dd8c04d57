import { moeLayers } from '../../families/spec.ts';
import { HostRows } from '../../rank/host_rows.ts';
import { KvCache } from '../../rank/kv_cache.ts';
import type { Device } from '../device.ts';
import type { DeviceParts } from '../open_device.ts';
import { WeightStaging } from '../weights.ts';
import { CpuDense } from './dense.ts';
import { CpuExperts } from './experts.ts';
import { CpuMasks } from './masks.ts';

/** One thread of this machine's processor: everything lies in the process's own memory, as float32. */
export async function openCpu({ spec, source, ledger, meter }: DeviceParts): Promise<Device> {
  const staging = new WeightStaging(source);
  const dense = await CpuDense.open(spec, staging, ledger, meter);
  const experts = new CpuExperts(moeLayers(spec), spec.hiddenSize, staging, ledger, meter);
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
