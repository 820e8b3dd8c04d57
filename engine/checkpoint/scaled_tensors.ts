import { EngineRefusal } from '../api.ts';
import { type Dtype, isConvertible } from './dtype.ts';
import { FLOAT8_BLOCK } from './float8.ts';
import { MXFP4_BLOCK } from './mxfp4.ts';
import type { StoredTensor } from './safetensors.ts';

/** A tensor of a checkpoint: stored as it is, or as codes with scales stored beside them. */
export interface CheckpointTensor extends Omit<StoredTensor, 'dtype'> {
  readonly dtype: Dtype | 'MXFP4';
  /** Of values, whatever stores them. */
  readonly shape: readonly number[];
  readonly scales?: StoredTensor;
}

const FLOAT8_SCALES = '_scale_inv';
const BLOCKS = '_blocks';
const SCALES = '_scales';

/**
 * Joins codes and their scales into the tensor they stand for, so that nobody after this sees how it was stored:
 * - F8_E4M3 `X` [.., rows, columns] with `X_scale_inv` [.., ceil(rows / 128), ceil(columns / 128)]: `X`, values times their block's
 *   scale (multiplied, despite the name);
 * - U8 `X_blocks` [.., columns / 32, 16] with U8 `X_scales` [.., columns / 32]: `X` [.., columns] of MXFP4.
 * @throws EngineRefusal for scales of another shape, or of a dtype that is no number by itself
 */
export function joinScales(stored: ReadonlyMap<string, StoredTensor>): Map<string, CheckpointTensor> {
  const tensors = new Map<string, CheckpointTensor>(stored);
  for (const [name, tensor] of stored) {
    if (tensor.dtype === 'F8_E4M3') {
      const scales = stored.get(name + FLOAT8_SCALES);
      if (scales === undefined) continue;
      checkShape(name + FLOAT8_SCALES, scales, float8ScaleShape(tensor.shape));
      checkScaleDtype(name + FLOAT8_SCALES, scales);
      tensors.set(name, { ...tensor, scales });
      tensors.delete(name + FLOAT8_SCALES);
    } else if (tensor.dtype === 'U8' && name.endsWith(BLOCKS)) {
      const joined = name.slice(0, -BLOCKS.length);
      const scales = stored.get(joined + SCALES);
      const outer = tensor.shape.slice(0, -1);
      if (scales?.dtype !== 'U8' || stored.has(joined) || tensor.shape.at(-1) !== MXFP4_BLOCK / 2) continue;
      checkShape(joined + SCALES, scales, outer);
      const columns = (outer.at(-1) ?? 1) * MXFP4_BLOCK;
      tensors.set(joined, { ...tensor, dtype: 'MXFP4', shape: [...outer.slice(0, -1), columns], scales });
      tensors.delete(name);
      tensors.delete(joined + SCALES);
    }
  }
  return tensors;
}

export function float8ScaleShape(shape: readonly number[]): readonly number[] {
  return shape.map((dim, axis) => (axis < shape.length - 2 ? dim : Math.ceil(dim / FLOAT8_BLOCK)));
}

function checkShape(name: string, { file, shape }: StoredTensor, wanted: readonly number[]): void {
  if (shape.length === wanted.length && shape.every((dim, axis) => dim === wanted[axis])) return;
  throw new EngineRefusal(
    `${file}: scales "${name}" are [${shape.join(', ')}] where their tensor calls for [${wanted.join(', ')}]; fetch the file again, or convert the checkpoint to BF16.`,
  );
}

function checkScaleDtype(name: string, { file, dtype }: StoredTensor): void {
  if (isConvertible(dtype)) return;
  throw new EngineRefusal(
    `${file}: scales "${name}" are ${dtype}, which says no number by itself; fetch the file again, or convert the checkpoint to BF16.`,
  );
}

/**
 * 8-bit floats mean nothing without their scales, and one kind of them is not read at all.
 * @throws EngineRefusal naming the tensor
 */
export function checkReadable(name: string, { file, dtype, scales }: CheckpointTensor): void {
  if (dtype === 'MXFP4' || isConvertible(dtype) || scales !== undefined) return;
  throw new EngineRefusal(
    dtype === 'F8_E4M3'
      ? `${file}: tensor "${name}" is F8_E4M3 without "${name}${FLOAT8_SCALES}"; fetch all of the model's files, or convert the checkpoint to BF16.`
      : `${file}: tensor "${name}" is ${dtype}, which this studio does not read; convert the checkpoint to BF16.`,
  );
}
