import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import { type Dtype, ITEM_BYTES, isDtype } from './dtype.ts';
import { openFile, parseJsonObject, readFully } from './files.ts';
import { countJsonKeys } from './json_keys.ts';

/** The official library's limit. */
const MOST_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const OPENING_BRACE = 0x7b;
/** name -> { dtype, shape: [], data_offsets: [] }; a field we do not know may nest a little more. */
const MOST_DEPTH = 8;
const METADATA = '__metadata__';

/** Where a tensor lies. Row-major, little-endian, contiguous. */
export interface StoredTensor {
  /** File name inside the checkpoint's folder. */
  readonly file: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** From the start of the file; beyond 2^32 in large ones. */
  readonly offsetBytes: number;
  readonly byteLength: number;
}

/**
 * Reads and checks the header of a safetensors file; of the data, only that it is all there.
 * @returns tensors by name, in the order of the header
 * @throws EngineRefusal naming file, tensor and remedy
 */
export function readSafetensorsHeader(file: string): Map<string, StoredTensor> {
  const name = path.basename(file);
  const { fd, size } = openFile(file);
  try {
    const header = readHeaderBytes(fd, file, size);
    const dataStart = LENGTH_BYTES + header.length;
    const entries = parseHeader(name, header);
    const tensors = new Map<string, StoredTensor>();
    for (const [tensor, entry] of entries) tensors.set(tensor, readEntry(name, tensor, entry, dataStart));
    checkCoverage(name, tensors, dataStart, size);
    return tensors;
  } finally {
    fs.closeSync(fd);
  }
}

function damaged(name: string, what: string): EngineRefusal {
  return new EngineRefusal(`${name}: ${what}; the file is damaged or not safetensors, fetch it again.`);
}

function readHeaderBytes(fd: number, file: string, size: number): Uint8Array {
  const name = path.basename(file);
  if (size < LENGTH_BYTES) throw damaged(name, `${size} bytes are too few for a header`);
  const prefix = new Uint8Array(LENGTH_BYTES);
  readFully(fd, file, prefix, 0);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(MOST_HEADER_BYTES)) {
    throw damaged(name, `the header would have ${length} bytes where ${MOST_HEADER_BYTES} are the most`);
  }
  // Before anything of that size is allocated.
  if (length > BigInt(size - LENGTH_BYTES)) {
    throw damaged(name, `the header would have ${length} bytes and the file has ${size}`);
  }
  const header = new Uint8Array(Number(length));
  readFully(fd, file, header, LENGTH_BYTES);
  return header;
}

function parseHeader(name: string, header: Uint8Array): [string, unknown][] {
  if (header[0] !== OPENING_BRACE) throw damaged(name, "the header does not begin with '{'");
  // Counted before parsing: JSON.parse keeps the last of two equal keys without a word, and nests as deep as it is told to.
  const keys = countJsonKeys(header, MOST_DEPTH);
  if (keys === undefined) throw damaged(name, `the header nests deeper than ${MOST_DEPTH} levels`);
  const entries = Object.entries(parseJsonObject(name, header));
  let innerKeys = 0;
  for (const [, entry] of entries) if (typeof entry === 'object' && entry !== null) innerKeys += countFields(entry);
  if (keys.outer !== entries.length) throw damaged(name, 'the header names a tensor twice');
  if (keys.inner !== innerKeys) throw damaged(name, 'the header gives a field of a tensor twice');
  return entries.filter(([tensor]) => tensor !== METADATA);
}

function countFields(entry: object): number {
  return Array.isArray(entry) ? 0 : Object.keys(entry).length;
}

function readEntry(name: string, tensor: string, entry: unknown, dataStart: number): StoredTensor {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw damaged(name, `tensor "${tensor}" is described by no object`);
  }
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== 'string') throw damaged(name, `tensor "${tensor}" has no dtype`);
  if (!isDtype(dtype)) {
    throw new EngineRefusal(
      `${name}: tensor "${tensor}" has dtype "${dtype}", which this studio does not read; convert the checkpoint to BF16.`,
    );
  }
  if (!isCounts(shape)) throw damaged(name, `tensor "${tensor}" has a shape that is not a list of whole numbers`);
  if (!isCounts(offsets) || offsets.length !== 2) throw damaged(name, `tensor "${tensor}" has no two data_offsets`);
  const [begin, end] = offsets as [number, number];
  const byteLength = end - begin;
  if (byteLength < 0) throw damaged(name, `tensor "${tensor}" ends at ${end}, before its begin at ${begin}`);
  const wanted = shapeBytes(shape, ITEM_BYTES[dtype]);
  if (wanted !== byteLength) {
    throw damaged(
      name,
      `tensor "${tensor}" is ${dtype} [${shape.join(', ')}] and should have ${wanted} bytes, not ${byteLength}`,
    );
  }
  return { file: name, dtype, shape, offsetBytes: dataStart + begin, byteLength };
}

function isCounts(value: unknown): value is number[] {
  if (!Array.isArray(value)) return false;
  for (const item of value) if (!Number.isSafeInteger(item) || item < 0) return false;
  return true;
}

/** Infinity where the product is beyond what offsets can say. */
function shapeBytes(shape: readonly number[], itemBytes: number): number {
  if (shape.includes(0)) return 0;
  let product = itemBytes;
  for (const dim of shape) product *= dim;
  return product > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : product;
}

/** Tensors cover the data from its first to its last byte, each byte once. */
function checkCoverage(
  name: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  dataStart: number,
  size: number,
): void {
  const sorted = [...tensors].sort(([, a], [, b]) => a.offsetBytes - b.offsetBytes || a.byteLength - b.byteLength);
  let next = dataStart;
  for (const [tensor, { offsetBytes, byteLength }] of sorted) {
    if (offsetBytes > next)
      throw damaged(name, `tensor "${tensor}" leaves ${offsetBytes - next} bytes before it unused`);
    if (offsetBytes < next) throw damaged(name, `tensor "${tensor}" overlaps the one before it`);
    next = offsetBytes + byteLength;
  }
  if (next > size) throw damaged(name, `its tensors need ${next} bytes and the file has ${size}`);
  if (next < size) throw damaged(name, `${size - next} bytes follow the last tensor`);
}
