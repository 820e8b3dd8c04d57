/** A 64-bit Linux library that is nothing but its list of others: header, two segments, dynamic table, names. */
export function tinyLibrary(needed: readonly string[]): Buffer {
  const address = 0x10000;
  const strings = Buffer.from(`\0${needed.join('\0')}\0`, 'latin1');
  const dynamicAt = 64 + 2 * 56;
  const dynamicBytes = (needed.length + 2) * 16;
  const stringsAt = dynamicAt + dynamicBytes;
  const file = Buffer.alloc(stringsAt + strings.length);
  file.write('\x7fELF', 0, 'latin1');
  file.set([2, 1, 1], 4);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const segment = (index: number, type: number, at: number, bytes: number) => {
    const to = 64 + index * 56;
    file.writeUInt32LE(type, to);
    file.writeBigUInt64LE(BigInt(at), to + 8);
    file.writeBigUInt64LE(BigInt(address + at), to + 16);
    file.writeBigUInt64LE(BigInt(bytes), to + 32);
  };
  segment(0, 1, 0, file.length);
  segment(1, 2, dynamicAt, dynamicBytes);
  let nameAt = 1;
  for (const [index, name] of needed.entries()) {
    file.writeBigUInt64LE(1n, dynamicAt + index * 16);
    file.writeBigUInt64LE(BigInt(nameAt), dynamicAt + index * 16 + 8);
    nameAt += name.length + 1;
  }
  file.writeBigUInt64LE(5n, dynamicAt + needed.length * 16);
  file.writeBigUInt64LE(BigInt(address + stringsAt), dynamicAt + needed.length * 16 + 8);
  strings.copy(file, stringsAt);
  return file;
}
