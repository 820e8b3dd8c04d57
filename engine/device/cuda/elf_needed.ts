import { closeSync, openSync, readSync } from 'node:fs';

const MAGIC = 0x464c457f;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
/** A library names a few dozen others in a table of a few kilobytes; more is no library that we know how to read. */
const MOST_BYTES = 1 << 20;

/**
 * Names of the shared libraries that a 64-bit Linux library asks the loader for, in its order. The file itself says them, so a missing
 * one is named as what it is; asking the loader for the library as a whole would run its code.
 * @throws Error where the file is no such library
 */
export function neededLibraries(file: string): string[] {
  const handle = openSync(file, 'r');
  try {
    const read = (at: number, bytes: number): Buffer => {
      if (bytes > MOST_BYTES) throw new Error(`${file} has a table of ${bytes} bytes`);
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(handle, buffer, 0, bytes, at));
    };
    const head = read(0, 64);
    if (head.length < 64 || head.readUInt32LE(0) !== MAGIC || head[4] !== 2 || head[5] !== 1) {
      throw new Error(`${file} is no library of 64-bit Linux`);
    }
    const size = head.readUInt16LE(54);
    const count = head.readUInt16LE(56);
    const table = read(Number(head.readBigUInt64LE(32)), size * count);
    const segments = Array.from({ length: Math.floor(table.length / size) }, (_, index) => {
      const at = index * size;
      const [fileAt, address] = [table.readBigUInt64LE(at + 8), table.readBigUInt64LE(at + 16)];
      return { type: table.readUInt32LE(at), fileAt, address, bytes: table.readBigUInt64LE(at + 32) };
    });
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    if (dynamic === undefined) throw new Error(`${file} is linked to nothing`);
    const entries = read(Number(dynamic.fileAt), Number(dynamic.bytes));
    const names: bigint[] = [];
    let strings = 0n;
    for (let at = 0; at + 16 <= entries.length; at += 16) {
      const tag = entries.readBigUInt64LE(at);
      const value = entries.readBigUInt64LE(at + 8);
      if (tag === DT_NEEDED) names.push(value);
      if (tag === DT_STRTAB) strings = value;
    }
    const holds = segments.find(
      ({ type, address, bytes }) => type === PT_LOAD && strings >= address && strings < address + bytes,
    );
    if (holds === undefined) throw new Error(`${file} has no table of names`);
    const stringsAt = strings - holds.address + holds.fileAt;
    return names.map(
      (name) =>
        read(Number(stringsAt + name), 256)
          .toString('latin1')
          .split('\0', 1)[0] as string,
    );
  } finally {
    closeSync(handle);
  }
}
