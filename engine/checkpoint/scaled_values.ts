import { FLOAT8_BLOCK, float8Row } from './float8.ts';
import { MXFP4_BLOCK, unpackMxfp4 } from './mxfp4.ts';

/** Reads stored bytes: codes or scales, from byte `at` of their tensor on. */
export type ReadBytes = (out: Uint8Array, at: number) => void;

/**
 * Values [first, first + out.length) of an MXFP4 tensor, whole blocks of 32.
 * @param staging where stored bytes pass through
 */
export function readMxfp4(
  first: number,
  out: Float32Array,
  readBlocks: ReadBytes,
  readScales: ReadBytes,
  staging: Uint8Array,
): void {
  const blockBytes = MXFP4_BLOCK / 2;
  const most = Math.floor(staging.length / (blockBytes + 1));
  const end = (first + out.length) / MXFP4_BLOCK;
  for (let block = first / MXFP4_BLOCK; block < end; block += most) {
    const count = Math.min(most, end - block);
    const blocks = staging.subarray(0, count * blockBytes);
    const scales = staging.subarray(blocks.length, blocks.length + count);
    readBlocks(blocks, block * blockBytes);
    readScales(scales, block);
    const at = block * MXFP4_BLOCK - first;
    unpackMxfp4(blocks, scales, out.subarray(at, at + count * MXFP4_BLOCK));
  }
}

/**
 * Values [first, first + out.length) of an F8_E4M3 tensor seen as a matrix of `columns`.
 * @param shape of the tensor: scales start anew at each matrix of a stack of them
 * @param readScales reads scale values, counted from the first
 */
export function readFloat8(
  first: number,
  out: Float32Array,
  shape: readonly number[],
  readCodes: ReadBytes,
  readScales: (out: Float32Array, first: number) => void,
  staging: Uint8Array,
): void {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  if (out.length === 0) return;
  const across = Math.ceil(columns / FLOAT8_BLOCK);
  /** Row of scales of a row of values, in the stacks of both. */
  const scaleRow = (row: number) =>
    Math.floor(row / rows) * Math.ceil(rows / FLOAT8_BLOCK) + Math.floor((row % rows) / FLOAT8_BLOCK);
  const firstScale = scaleRow(Math.floor(first / columns));
  const lastScale = scaleRow(Math.floor((first + out.length - 1) / columns));
  const scales = new Float32Array((lastScale - firstScale + 1) * across);
  readScales(scales, firstScale * across);
  for (let done = 0; done < out.length; done += staging.length) {
    const codes = staging.subarray(0, Math.min(staging.length, out.length - done));
    readCodes(codes, first + done);
    for (let at = 0; at < codes.length; ) {
      const position = first + done + at;
      const column = position % columns;
      const count = Math.min(codes.length - at, columns - column);
      const line = (scaleRow((position - column) / columns) - firstScale) * across;
      const values = out.subarray(done + at, done + at + count);
      float8Row(codes.subarray(at, at + count), column, scales.subarray(line, line + across), values);
      at += count;
    }
  }
}
