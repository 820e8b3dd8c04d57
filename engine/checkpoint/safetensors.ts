import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import { type Dtype, ITEM_BYTES, isDtype } from './dtype.ts';

/** Longest header the official library accepts. */
const MOST_HEADER_BYTES = 100_000_000;

export interface TensorEntry {
  /** File name, for messages. */
  readonly file: string;
  readonly path: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offsetBytes: number;
  readonly byteLength: number;
}

/**
 * Reads the header of a safetensors file: nothing behind it. The file is untrusted: sizes are checked against the file before
 * anything is allocated, and the tensors must cover the data without hole or overlap, as the official library demands.
 * @throws EngineRefusal naming the file, the tensor and the remedy
 */
export function readSafetensorsHeader(filePath: string): Map<string, TensorEntry> {
  const file = path.basename(filePath);
  const refuse = (what: string) => new EngineRefusal(`${file}: ${what}; fetch the file again.`);
  const { text, dataStart, fileBytes } = readHeaderText(filePath, refuse);
  const header = parseHeader(text, refuse);
  const entries: [string, TensorEntry][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    entries.push([name, readEntry(name, value, file, filePath, dataStart, refuse)]);
  }
  checkCoverage(entries, dataStart, fileBytes, refuse);
  return new Map(entries);
}

type Refuse = (what: string) => EngineRefusal;

function readHeaderText(filePath: string, refuse: Refuse): { text: string; dataStart: number; fileBytes: number } {
  let fd: number;
  try {
    fd = openSync(filePath, 'r');
  } catch (error) {
    throw refuse(`cannot be opened (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
  try {
    const fileBytes = fstatSync(fd).size;
    const prefix = Buffer.alloc(8);
    if (fileBytes < 8 || readSync(fd, prefix, 0, 8, 0) !== 8) throw refuse(`is ${fileBytes} bytes long, too short for a header`);
    const length = prefix.readBigUInt64LE();
    if (length > BigInt(MOST_HEADER_BYTES)) throw refuse(`claims a header of ${length} bytes, over the limit of ${MOST_HEADER_BYTES}`);
    const headerBytes = Number(length);
    if (headerBytes < 2 || 8 + headerBytes > fileBytes) {
      throw refuse(`claims a header of ${headerBytes} bytes in a file of ${fileBytes}`);
    }
    const bytes = Buffer.alloc(headerBytes);
    if (readSync(fd, bytes, 0, headerBytes, 8) !== headerBytes) throw refuse('ends inside its header');
    return { text: bytes.toString('utf8'), dataStart: 8 + headerBytes, fileBytes };
  } finally {
    closeSync(fd);
  }
}

function parseHeader(text: string, refuse: Refuse): Record<string, unknown> {
  if (!text.startsWith('{')) throw refuse('has a header that is not a JSON object');
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw refuse('has a header that is not valid JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw refuse('has a header that is not a JSON object');
  return header as Record<string, unknown>;
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function readEntry(name: string, value: unknown, file: string, filePath: string, dataStart: number, refuse: Refuse): TensorEntry {
  const entry = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) throw refuse(`tensor "${name}" has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw refuse(`tensor "${name}" has a shape that is not a list of sizes`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw refuse(`tensor "${name}" has data_offsets that are not two positions`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product: number, dim: number) => product * dim, ITEM_BYTES[dtype]);
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    throw refuse(`tensor "${name}" of shape [${shape.join(', ')}] ${dtype} needs ${bytes} bytes and has ${end - begin}`);
  }
  return { file, path: filePath, dtype, shape: shape as number[], offsetBytes: dataStart + begin, byteLength: bytes };
}

/** Tensors in order of position must follow each other from the first data byte to the last. */
function checkCoverage(entries: readonly [string, TensorEntry][], dataStart: number, fileBytes: number, refuse: Refuse): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.offsetBytes - b.offsetBytes || a.byteLength - b.byteLength);
  let expected = dataStart;
  for (const [name, entry] of sorted) {
    if (entry.offsetBytes < expected) throw refuse(`tensor "${name}" overlaps the one before it`);
    if (entry.offsetBytes > expected) throw refuse(`there is a hole of ${entry.offsetBytes - expected} bytes before tensor "${name}"`);
    expected = entry.offsetBytes + entry.byteLength;
  }
  if (expected !== fileBytes) throw refuse(`tensors end at byte ${expected} of a file of ${fileBytes}`);
}
