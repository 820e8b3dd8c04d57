import { BLOCK, bitsOf, lowBitBytes, quantiseRows } from '../checkpoint/block_quantise.ts';
import { toFloat16 } from '../checkpoint/float16.ts';
import type { WeightRef } from '../families/spec.ts';
import type { WeightPart, WeightPlaces } from '../graph/weight_blob.ts';

/** Reads a tensor's float32 values into `out`; the checkpoint, whatever its dtype, seen from a device. */
export interface WeightSource {
  readFloat32(tensor: string, out: Float32Array, firstRow?: number, rows?: number): void;
  /** Of the files, where there are any. */
  readonly folder?: string;
  /** Where rows lie as float32 in a file of the folder; undefined where they must be converted. */
  floatsAt?: WeightPlaces['floatsAt'];
}

/** Values read at a time for rounding: a matrix of any size takes no more memory than that besides its result. */
const PIECE_VALUES = 1 << 20;

/**
 * Gathers the weights of one session into one buffer, reused from load to load: a miss allocates nothing of its own.
 * The host tier is the checkpoint file in the system's page cache; no second copy of it is held.
 */
export class WeightStaging {
  private buffer = new Uint8Array(0);

  constructor(private readonly source: WeightSource) {}

  /**
   * @param refs tensors in place of the parts' own, for experts that share a graph
   * @returns the graph's external data, until the next call
   */
  gather(
    graph: { readonly parts: readonly WeightPart[]; readonly blobBytes: number },
    refs?: readonly WeightRef[],
  ): Uint8Array {
    if (this.buffer.length < graph.blobBytes) this.buffer = new Uint8Array(graph.blobBytes);
    const blob = this.buffer.subarray(0, graph.blobBytes);
    for (const [index, part] of graph.parts.entries()) {
      for (const _ of fillPart(this.source, part, refs?.[index] ?? part.ref, blob));
    }
    return blob;
  }
}

/**
 * Writes one part of a blob into its place, a piece at a time.
 * @returns values written, piece by piece: a caller that shares its thread stops in between
 * @throws RangeError where fewer bits than 32 cannot say a value
 */
export function* fillPart(source: WeightSource, part: WeightPart, ref: WeightRef, blob: Uint8Array): Generator<number> {
  const { tensor, firstRow, rows, transposed = false } = ref;
  if (part.encoding === 'fp32') {
    const out = new Float32Array(blob.buffer, blob.byteOffset + part.at, part.floats);
    if (transposed) readTransposed(source, ref, out);
    else if (firstRow === undefined) source.readFloat32(tensor, out);
    else source.readFloat32(tensor, out, firstRow, rows);
    yield part.floats;
    return;
  }
  const { encoding, columns } = part;
  // Every row of a transposed matrix is in every stored one, so that is read whole.
  const most = transposed ? part.rows : Math.floor(PIECE_VALUES / columns);
  const rowsAtOnce = Math.max(1, Math.min(part.rows, most));
  const values = new Float32Array(rowsAtOnce * columns);
  for (let row = 0; row < part.rows; row += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, part.rows - row);
    const piece = values.subarray(0, count * columns);
    if (transposed) readTransposed(source, ref, piece);
    else source.readFloat32(tensor, piece, (firstRow ?? 0) + row, count);
    if (encoding === 'fp16') {
      const halves = new Uint16Array(blob.buffer, blob.byteOffset + part.at + row * columns * 2, count * columns);
      const large = toFloat16(piece, halves);
      if (large > 0) {
        throw new RangeError(`${tensor}: ${large} weights are beyond 65504 or not finite, which 16 bits cannot say`);
      }
      yield count * columns;
      continue;
    }
    const each = lowBitBytes(encoding, 1, columns);
    const stretch = (at: number, bytes: number) => blob.subarray(at + row * bytes, at + (row + count) * bytes);
    const scales = stretch(part.scalesAt, each.scales);
    const broken = quantiseRows(encoding, piece, columns, {
      codes: stretch(part.codesAt, each.codes),
      scales: new Float32Array(scales.buffer, scales.byteOffset, scales.length / 4),
      zeros: stretch(part.zerosAt, each.zeros),
    });
    if (broken > 0) {
      throw new RangeError(
        `${tensor}: ${broken} blocks of ${BLOCK} weights hold a value that is not finite, which ${bitsOf(encoding)} bits cannot say`,
      );
    }
    yield count * columns;
  }
}

/** Stored rows turned at a time: what they become fills whole cache lines. */
const STRIP_ROWS = 16;

/** Reads a matrix [out, in] that is stored as rows of [in, out]. */
function readTransposed(source: WeightSource, { tensor, firstRow = 0, rows }: WeightRef, out: Float32Array): void {
  if (rows === undefined) throw new Error(`${tensor}: a transposed matrix says how many rows are stored`);
  const columns = out.length / rows;
  const strip = new Float32Array(Math.min(rows, STRIP_ROWS) * columns);
  for (let row = 0; row < rows; row += STRIP_ROWS) {
    const count = Math.min(STRIP_ROWS, rows - row);
    source.readFloat32(tensor, strip.subarray(0, count * columns), firstRow + row, count);
    for (let column = 0; column < columns; column++) {
      const to = column * rows + row;
      for (let r = 0; r < count; r++) out[to + r] = strip[r * columns + column] as number;
    }
  }
}
