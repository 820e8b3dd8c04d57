import { blocksOf, type LowBitPrecision, lowBitBytes } from '../checkpoint/block_quantise.ts';
import type { WeightRef } from '../families/spec.ts';
import type { GraphBuilder } from './onnx.ts';

/** The external file whose bytes are handed to the session from memory. */
export const BLOB = 'weights';
/** Every stretch begins on a cache line. */
const ALIGNMENT_BYTES = 64;

/** What a stretch of a blob is made of: checkpoint values as they are, or rows of a matrix at fewer bits. Places in bytes. */
export type WeightPart =
  | { readonly encoding: 'fp32'; readonly ref: WeightRef; readonly floats: number; readonly at: number }
  | {
      readonly encoding: 'fp16';
      readonly ref: WeightRef;
      readonly rows: number;
      readonly columns: number;
      readonly at: number;
    }
  | {
      readonly encoding: LowBitPrecision;
      readonly ref: WeightRef;
      readonly rows: number;
      readonly columns: number;
      readonly codesAt: number;
      readonly scalesAt: number;
      readonly zerosAt: number;
    };

/** A graph and how its external data is made of the checkpoint's tensors. */
export interface WeightedGraph {
  readonly model: Uint8Array;
  readonly parts: readonly WeightPart[];
  /** What the weights have, as the ledger counts them. */
  readonly bytes: number;
  /** The same with what lies between them unused. */
  readonly blobBytes: number;
  /** Whether products use large weights where they lie: then nothing of the graph is to be packed. */
  readonly inPlace: boolean;
  /** The largest float16 matrix as float32: it is widened in its product, one at a time. */
  readonly widestBytes: number;
}

/** Inputs of MatMulNBits beside the one that is multiplied. */
export interface LowBitMatrix {
  readonly codes: string;
  readonly scales: string;
  /** Empty where the operator's own zero point holds. */
  readonly zeros: string;
}

export interface WeightPlaces {
  /** The blob as a whole: in an expert pack. */
  readonly blob?: { readonly location: string; readonly offsetBytes: number };
  /** Rows of a tensor that are float32 in the checkpoint's file; undefined where they are not. */
  floatsAt?(tensor: string, firstRow?: number): { readonly file: string; readonly offsetBytes: number } | undefined;
}

/** Collects a graph's weights: tensors placed one behind the other can serve as one matrix (q, k and v; gate and up). */
export class WeightBlob {
  readonly parts: WeightPart[] = [];
  bytes = 0;
  blobBytes = 0;
  private readonly declared = new Set<string>();
  private widestBytes = 0;

  /** @param source where weights lie in files already; the blob has the others */
  constructor(
    private readonly builder: GraphBuilder,
    private readonly source: WeightPlaces = {},
  ) {}

  /**
   * Declares a float32 weight of shape `dims` made of `refs` one behind the other; `rows` of a ref are those of the matrix
   * [all dimensions but the last, last], as everywhere. Asked for again by its name, it is the same weight.
   * @returns its name in the graph
   */
  weight(name: string, dims: readonly number[], refs: readonly WeightRef[]): string {
    if (this.declared.has(name)) return name;
    this.declared.add(name);
    const floats = dims.reduce((product, dim) => product * dim, 1);
    const trailing = dims.length > 1 ? (dims.at(-1) as number) : 1;
    const mapped = adjacent(this.source, refs, floats / trailing, trailing);
    if (mapped !== undefined) {
      this.bytes += floats * 4;
      const { file: location, offsetBytes } = mapped;
      return this.builder.external(name, dims, { location, offsetBytes, byteLength: floats * 4 });
    }
    let at = this.take(floats * 4);
    const declared = this.declare(name, dims, at, floats * 4, 'float32');
    for (const { ref, rows } of shares(refs, floats / trailing)) {
      this.parts.push({ encoding: 'fp32', ref, floats: rows * trailing, at });
      at += rows * trailing * 4;
    }
    return declared;
  }

  /**
   * Declares a matrix [rows, columns] made of `refs` stacked by rows, as float16.
   * @returns its name in the graph
   */
  half(name: string, rows: number, columns: number, refs: readonly WeightRef[]): string {
    let at = this.take(rows * columns * 2);
    const declared = this.declare(name, [rows, columns], at, rows * columns * 2, 'float16');
    for (const share of shares(refs, rows)) {
      this.parts.push({ encoding: 'fp16', ref: share.ref, rows: share.rows, columns, at });
      at += share.rows * columns * 2;
    }
    this.widestBytes = Math.max(this.widestBytes, rows * columns * 4);
    return declared;
  }

  /** Declares a matrix [rows, columns] made of `refs` stacked by rows, at few bits. */
  lowBit(
    name: string,
    encoding: LowBitPrecision,
    rows: number,
    columns: number,
    refs: readonly WeightRef[],
  ): LowBitMatrix {
    const all = lowBitBytes(encoding, rows, columns);
    const each = lowBitBytes(encoding, 1, columns);
    const blocks = blocksOf(columns);
    let codesAt = this.take(all.codes);
    let scalesAt = this.take(all.scales);
    let zerosAt = all.zeros === 0 ? 0 : this.take(all.zeros);
    const matrix = {
      codes: this.declare(`${name}_codes`, [rows, blocks, each.codes / blocks], codesAt, all.codes, 'uint8'),
      scales: this.declare(`${name}_scales`, [rows * blocks], scalesAt, all.scales, 'float32'),
      zeros: all.zeros === 0 ? '' : this.declare(`${name}_zeros`, [all.zeros], zerosAt, all.zeros, 'uint8'),
    };
    for (const share of shares(refs, rows)) {
      this.parts.push({ encoding, ref: share.ref, rows: share.rows, columns, codesAt, scalesAt, zerosAt });
      codesAt += share.rows * each.codes;
      scalesAt += share.rows * each.scales;
      zerosAt += share.rows * each.zeros;
    }
    return matrix;
  }

  finish(): WeightedGraph {
    const { parts, bytes, blobBytes, widestBytes } = this;
    return { model: this.builder.finish(), parts, bytes, blobBytes, widestBytes, inPlace: this.builder.branches > 0 };
  }

  private take(bytes: number): number {
    const at = Math.ceil(this.blobBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    this.blobBytes = at + bytes;
    this.bytes += bytes;
    return at;
  }

  private declare(
    name: string,
    dims: readonly number[],
    at: number,
    byteLength: number,
    type: 'float32' | 'float16' | 'uint8',
  ): string {
    const { location, offsetBytes } = this.source.blob ?? { location: BLOB, offsetBytes: 0 };
    return this.builder.external(name, dims, { location, offsetBytes: offsetBytes + at, byteLength }, type);
  }
}

/** How many of a matrix's rows come from each of the tensors stacked in it. */
function shares(refs: readonly WeightRef[], rows: number): { readonly ref: WeightRef; readonly rows: number }[] {
  if (refs.length === 1) return [{ ref: refs[0] as WeightRef, rows }];
  return refs.map((ref) => ({ ref, rows: ref.rows ?? rows / refs.length }));
}

/** Where tensors lie one behind the other in one file, as the graph wants them; undefined where they do not. */
function adjacent(
  source: WeightPlaces,
  refs: readonly WeightRef[],
  rows: number,
  trailing: number,
): { readonly file: string; readonly offsetBytes: number } | undefined {
  let first: { readonly file: string; readonly offsetBytes: number } | undefined;
  let next = 0;
  for (const share of shares(refs, rows)) {
    const { tensor, firstRow, transposed } = share.ref;
    const place = transposed === true ? undefined : source.floatsAt?.(tensor, firstRow);
    if (place === undefined) return undefined;
    if (first === undefined) first = place;
    else if (place.file !== first.file || place.offsetBytes !== next) return undefined;
    next = place.offsetBytes + share.rows * trailing * 4;
  }
  return first;
}
