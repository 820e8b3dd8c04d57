import { moeLayers } from '../../families/spec.ts';
import { GraphBuilder } from '../../graph/onnx.ts';
import { routerGraph } from '../../graph/router_ahead.ts';
import { type HostExperts, HostRows } from '../../rank/host_rows.ts';
import { KvCache } from '../../rank/kv_cache.ts';
import { AbsentExperts } from '../absent_experts.ts';
import { type Device, type ExpertStore, hostFloats } from '../device.ts';
import { NextRouters } from '../next_routers.ts';
import type { DeviceParts } from '../open_device.ts';
import { onCpu } from '../precision.ts';
import { floats } from '../tensors.ts';
import { WeightStaging } from '../weights.ts';
import { holdWidening } from '../widening.ts';
import { CpuDense } from './dense.ts';
import { CpuExperts, openPack } from './experts.ts';
import { CpuMasks } from './masks.ts';
import { cpuSessions, type MakeSession, type NewBuilder } from './session.ts';

/** One thread of this machine's processor: everything lies in the process's own memory, and is computed in float32 or few bits. */
export function openCpu(parts: DeviceParts): Promise<Device> {
  const { meter, denseThreads } = parts;
  return openHosted(parts, {
    make: cpuSessions(meter),
    makeDense: cpuSessions(meter, denseThreads),
    absent: AbsentExperts.onProcessor(parts),
  });
}

/** Experts that take and give rows in this process's memory, wherever they are held. */
export type HostedExperts = ExpertStore & Pick<HostExperts, 'run'>;

export interface Hosting {
  readonly make: MakeSession;
  /** The same for the dense part; absent: alike. */
  readonly makeDense?: MakeSession;
  /** Absent: graphs for a processor. */
  readonly newBuilder?: NewBuilder;
  /** What the processor runs of the experts that the device does not hold. */
  readonly absent: AbsentExperts;
  /** What more the device does in holding experts. */
  holding?(experts: HostedExperts): HostedExperts;
}

/** A device whose hidden states and keys lie in this process's memory, and whose sessions run where `make` puts them. */
export async function openHosted(
  { spec, source, ledger, precision, packFolder }: DeviceParts,
  { make, makeDense = make, newBuilder = () => new GraphBuilder(), absent, holding = (experts) => experts }: Hosting,
): Promise<Device> {
  const held = onCpu(precision);
  const giveWidening = holdWidening(spec, held, ledger);
  const staging = new WeightStaging(source);
  const dense = await CpuDense.open(spec, staging, ledger, makeDense, held.dense, newBuilder);
  const layers = moeLayers(spec);
  const hidden = spec.hiddenSize;
  const shape = { layers, hidden, precision: held.experts };
  const pack = openPack(packFolder, shape);
  const experts = holding(new CpuExperts({ ...shape, source, pack, ledger, make, newBuilder }));
  const host = {
    run: experts.run.bind(experts),
    runAbsent: absent.run.bind(absent),
    openMasks: () => CpuMasks.open(spec.hiddenSize, make),
  };
  const routers = new NextRouters(spec, ledger, async (layer) => {
    const graph = routerGraph(layer, spec.hiddenSize, newBuilder());
    const session = await make(graph, staging.gather(graph));
    return {
      run: async (h, { batch, length }) => {
        const output = await session.run({ x: floats(hostFloats(h), [batch, length, spec.hiddenSize]) });
        return output('router_logits');
      },
      release: () => session.release(),
    };
  });
  return {
    dense,
    experts,
    absent,
    routers,
    openKeys: (layers, inputs) => new KvCache(layers, inputs, ledger),
    openRows: (policy, parts, layout) => HostRows.open(policy, parts, layout, host),
    async close() {
      await dense.close();
      giveWidening();
    },
  };
}
