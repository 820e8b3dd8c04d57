/**
 * Messages on a WebSocket, where nothing clones for us: plain data (as JSON can say it) with typed arrays anywhere inside.
 *
 *   u32 little-endian: length of the head
 *   head: UTF-8 JSON { value, arrays: [[path, type, byteOffset, length], ...] }, with null in `value` where an array stood
 *   sections: the arrays' bytes, each at a multiple of 8 from the start of the message
 *
 * Arrays are named by their path and not by a marker object in their place, so no value can be mistaken for one.
 * Number arrays inside the JSON were rejected: a frame of telemetry is mostly numbers, and printing them costs 20 times more.
 */

const TYPES = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;
type TypeName = keyof typeof TYPES;
type TypedArray = InstanceType<(typeof TYPES)[TypeName]>;
type Path = (string | number)[];

const ALIGNMENT_BYTES = 8;
const HEAD_LENGTH_BYTES = 4;
/** Deeper than any message of ours; keeps a hostile one from overflowing the stack of whoever walks it. */
const MOST_DEPTH = 64;

const align = (offset: number) => Math.ceil(offset / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;

/**
 * @param value plain objects, arrays, strings, finite numbers, booleans, null, typed arrays. Undefined fields are left out.
 * @throws TypeError for anything that would arrive as something else (functions, bigints outside typed arrays, buffers)
 */
export function encodeMessage(value: unknown): Uint8Array {
  const found: { path: Path; array: TypedArray }[] = [];
  const stripped = strip(value, [], found);
  // Offsets count from the first section, because the head's length is not known before it is written.
  let sectionBytes = 0;
  const arrays = found.map(({ path, array }) => {
    const offset = sectionBytes;
    sectionBytes = align(offset + array.byteLength);
    return [path, typeName(array), offset, array.length];
  });
  const head = new TextEncoder().encode(JSON.stringify({ value: stripped, arrays }));
  const start = align(HEAD_LENGTH_BYTES + head.length);
  const message = new Uint8Array(start + sectionBytes);
  new DataView(message.buffer).setUint32(0, head.length, true);
  message.set(head, HEAD_LENGTH_BYTES);
  let offset = start;
  for (const { array } of found) {
    message.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), offset);
    offset = align(offset + array.byteLength);
  }
  return message;
}

/**
 * Typed arrays of the result are views of the message where it is aligned, and of one copy of it otherwise.
 * @throws Error for bytes that `encodeMessage` does not write
 */
export function decodeMessage(bytes: Uint8Array): unknown {
  const aligned = bytes.byteOffset % ALIGNMENT_BYTES === 0 ? bytes : Uint8Array.from(bytes);
  if (aligned.length < HEAD_LENGTH_BYTES) throw new Error('message is shorter than its head length');
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const headLength = view.getUint32(0, true);
  if (headLength > aligned.length - HEAD_LENGTH_BYTES) throw new Error('head reaches past the end of the message');
  const text = new TextDecoder('utf-8', { fatal: true }).decode(
    aligned.subarray(HEAD_LENGTH_BYTES, HEAD_LENGTH_BYTES + headLength),
  );
  const head: unknown = JSON.parse(text);
  if (!isRecord(head) || !Array.isArray(head.arrays)) throw new Error('head has no array table');
  const sections = align(HEAD_LENGTH_BYTES + headLength);
  for (const entry of head.arrays) place(head, entry, aligned, sections);
  return head.value;
}

function strip(value: unknown, path: Path, found: { path: Path; array: TypedArray }[]): unknown {
  if (path.length > MOST_DEPTH) throw new TypeError('message is nested too deep');
  if (ArrayBuffer.isView(value)) {
    if (value instanceof DataView) throw new TypeError(`${path.join('.')}: a DataView cannot be sent`);
    found.push({ path, array: value as TypedArray });
    return null;
  }
  if (Array.isArray(value)) return value.map((item, index) => strip(item, [...path, index], found));
  if (typeof value === 'function' || typeof value === 'symbol' || value instanceof ArrayBuffer) {
    throw new TypeError(`${path.join('.')}: not plain data`);
  }
  if (typeof value !== 'object' || value === null) return value;
  // fromEntries defines properties, so that a field named __proto__ stays a field.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, strip(item, [...path, key], found)]),
  );
}

function typeName(array: TypedArray): TypeName {
  // By tag, not by constructor: a Node Buffer is a Uint8Array to the receiver.
  return array[Symbol.toStringTag];
}

/** Puts one array where its path says. */
function place(head: Record<string, unknown>, entry: unknown, message: Uint8Array, sections: number): void {
  if (!Array.isArray(entry) || entry.length !== 4) throw new Error('array table entry is not valid');
  const [path, type, offset, length]: unknown[] = entry;
  if (typeof type !== 'string' || !Object.hasOwn(TYPES, type)) throw new Error('array has an unknown type');
  if (!isCount(offset) || !isCount(length) || offset % ALIGNMENT_BYTES !== 0)
    throw new Error('array has no valid place');
  const Type = TYPES[type as TypeName];
  const begin = sections + offset;
  if (length > 0 && begin + length * Type.BYTES_PER_ELEMENT > message.length) {
    throw new Error('array reaches past the end of the message');
  }
  const array =
    length === 0 ? new Type(0) : new Type(message.buffer as ArrayBuffer, message.byteOffset + begin, length);
  if (!Array.isArray(path) || path.length > MOST_DEPTH) throw new Error('array has no valid path');
  let holder: Record<string, unknown> = head;
  let key = 'value';
  for (const next of path) {
    const inner = holder[key];
    if (!isRecord(inner)) throw new Error('array has a path to nowhere');
    holder = inner;
    key = String(next);
    if (!Object.hasOwn(holder, key)) throw new Error('array has a path to nowhere');
  }
  // Only where `strip` left a gap; also keeps a path from walking into a typed array placed before.
  if (holder[key] !== null) throw new Error('array has a path to something else');
  holder[key] = array;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
