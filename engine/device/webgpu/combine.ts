import type { Tensor } from 'onnxruntime-node';
import type { GraphBuilder } from '../../graph/onnx.ts';
import { floats, int64s } from '../tensors.ts';
import { int32s, type WebGpuMemory } from './memory.ts';

/**
 * residual + sum over j of weights[t, j] * outputs[index[t, j]], j in router order: the sum does not depend on which expert ran first,
 * and so not on what was resident.
 * @param residual [B, S, hidden]; given up by the call
 * @param outputs [m, hidden]
 * @param index of each token's choices, [B * S, choices] in all; a choice of weight 0 still names a row
 */
export async function addOutputs(
  memory: WebGpuMemory,
  residual: Tensor,
  outputs: Tensor,
  index: Int32Array,
  weights: Float32Array,
): Promise<Tensor> {
  const [batch, length, hidden] = residual.dims as [number, number, number];
  const tokens = batch * length;
  const choices = index.length / tokens;
  const session = await memory.open('combine', writeAddOutputs);
  const { y } = await session.run({
    residual,
    outputs,
    index: int32s(index, [tokens, choices]),
    weights: floats(weights, [tokens, 1, choices]),
    shape: int64s([batch, length, hidden], [3]),
  });
  residual.dispose();
  return y as Tensor;
}

function writeAddOutputs(builder: GraphBuilder): void {
  builder.input('residual', 'float32', ['b', 's', 'w']);
  builder.input('outputs', 'float32', ['m', 'w']);
  builder.input('index', 'int32', ['t', 'k']);
  builder.input('weights', 'float32', ['t', 1, 'k']);
  builder.input('shape', 'int64', [3]);
  const chosen = builder.node('Gather', ['outputs', 'index'], { axis: 0 });
  const sums = builder.node('Reshape', [builder.node('MatMul', ['weights', chosen]), 'shape']);
  builder.node('Add', ['residual', sums], {}, 'y');
  builder.output('y', 'float32', ['b', 's', 'w']);
}
