import { EngineRefusal } from '../../api.ts';
import { moeLayers } from '../../families/spec.ts';
import { routerGraph } from '../../graph/router_ahead.ts';
import { WebGpuGraphBuilder } from '../../graph/webgpu_builder.ts';
import { AbsentExperts } from '../absent_experts.ts';
import { openPack } from '../cpu/experts.ts';
import type { Device } from '../device.ts';
import { NextRouters } from '../next_routers.ts';
import type { DeviceParts } from '../open_device.ts';
import { noFloat16, onCpu } from '../precision.ts';
import { WeightStaging } from '../weights.ts';
import { holdWidening } from '../widening.ts';
import { WebGpuDense } from './dense.ts';
import { WebGpuExperts } from './experts.ts';
import { deviceTensor } from './hidden.ts';
import { WebGpuKeys } from './keys.ts';
import { WebGpuMemory } from './memory.ts';
import { PackReader } from './pack_reader.ts';
import { WebGpuRows } from './rows.ts';
import { WebGpuSession } from './session.ts';
import { dispose, uploadWeights } from './weights.ts';

/**
 * The graphics card that WebGPU's driver chooses. Weights, keys and hidden states lie in its memory; what comes back in a layer are router
 * logits, and with several devices exchanged rows.
 *
 * One such rank a process (see one_thread.ts), in a worker thread like any other, beside as many CPU ranks as there are. A process a card
 * was rejected: the provider takes no choice of card, and ranks exchange rows through memory that processes do not share.
 */
export async function openWebGpu(parts: DeviceParts): Promise<Device> {
  const { spec, source, ledger, meter, precision, packFolder } = parts;
  const held = onCpu(precision);
  const memory = new WebGpuMemory(meter);
  if (Object.values(held).includes('fp16')) await checkHalves(memory);
  const giveWidening = holdWidening(spec, held, ledger);
  const staging = new WeightStaging(source);
  const dense = await WebGpuDense.open(spec, staging, ledger, memory, held.dense);
  const layers = moeLayers(spec);
  const hidden = spec.hiddenSize;
  const pack = openPack(packFolder, { layers, hidden, precision: held.experts });
  const reader = pack && new PackReader(pack);
  const experts = new WebGpuExperts(layers, hidden, staging, ledger, memory, held.experts, reader);
  const absent = AbsentExperts.besideCard(parts);
  const routers = new NextRouters(spec, ledger, async (layer) => {
    const builder = new WebGpuGraphBuilder();
    const graph = routerGraph(layer, spec.hiddenSize, builder);
    const sessionParts = { meter, back: ['router_logits'] };
    const session = await WebGpuSession.create(`router of block ${layer.block}`, builder, graph.model, sessionParts);
    const weights = await uploadWeights(memory, builder, staging.gather(graph));
    return {
      async run(h) {
        const { router_logits } = await session.run({ ...weights, x: deviceTensor(h) });
        return router_logits?.data as Float32Array;
      },
      release() {
        dispose(weights);
        return session.release();
      },
    };
  });
  return {
    dense,
    experts,
    absent,
    routers,
    openKeys: (layers, inputs) => new WebGpuKeys(layers, inputs, ledger, memory),
    openRows: (policy, parts, layout) => WebGpuRows.open(policy, parts, layout, { experts, absent, memory }),
    settle: () => memory.settle(),
    async close() {
      await dense.close();
      await experts.close();
      reader?.close();
      await memory.close();
      giveWidening();
    },
  };
}

/** @throws EngineRefusal where the card has no float16 */
async function checkHalves(memory: WebGpuMemory): Promise<void> {
  if (await memory.hasHalves()) return;
  await memory.close();
  throw new EngineRefusal(noFloat16('webgpu:0'));
}
