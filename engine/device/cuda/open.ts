import { moeLayers } from '../../families/spec.ts';
import { GraphBuilder } from '../../graph/onnx.ts';
import { AbsentExperts } from '../absent_experts.ts';
import { openHosted } from '../cpu/open.ts';
import type { Device } from '../device.ts';
import type { DeviceParts } from '../open_device.ts';
import { onCpu } from '../precision.ts';
import { CudaExperts } from './experts.ts';
import { cudaSessions } from './session.ts';

/**
 * An NVIDIA card through ONNX Runtime's CUDA provider, one rank and one thread each. Weights lie on the card, of experts and of the dense
 * part; hidden states and keys in this process's memory, for the Node binding takes and gives only those with this provider. All of them
 * count in the device's ledger, so the budget is kept on either side.
 * @throws EngineRefusal where the card cannot be opened
 */
export function openCuda(index: number, parts: DeviceParts): Promise<Device> {
  const { experts: precision } = onCpu(parts.precision);
  const { spec, ledger } = parts;
  const layers = moeLayers(spec);
  return openHosted(parts, {
    make: cudaSessions(index, parts.meter),
    newBuilder: () => new GraphBuilder(false),
    absent: AbsentExperts.besideCard(parts),
    holding: (inner) => new CudaExperts({ inner, layers, hidden: spec.hiddenSize, precision, ledger }),
  });
}
