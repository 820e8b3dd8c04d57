import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../api.ts';

/** Reading small files and pieces of large ones, with refusals a person can act on. */

/** Opens a regular file: a named pipe in its place would block for ever, a folder fails later and worse. */
export function openFile(file: string): { readonly fd: number; readonly size: number } {
  const name = path.basename(file);
  let fd: number | undefined;
  try {
    // Asked before opening, because opening a pipe already blocks.
    if (!fs.statSync(file).isFile())
      throw new EngineRefusal(`${name}: this is not a file; put the model's own in its place.`);
    fd = fs.openSync(file, 'r');
    return { fd, size: fs.fstatSync(fd).size };
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    throw error instanceof EngineRefusal ? error : fileRefusal(file, error as NodeJS.ErrnoException);
  }
}

/**
 * Fills `into` from `offset` of a file.
 * @throws EngineRefusal where the file ends before that
 */
export function readFully(fd: number, file: string, into: Uint8Array, offset: number): void {
  // One call takes 2^31 - 1 bytes at most.
  const mostBytes = 2 ** 30;
  for (let done = 0; done < into.length; ) {
    let read: number;
    try {
      read = fs.readSync(fd, into, done, Math.min(mostBytes, into.length - done), offset + done);
    } catch (error) {
      throw fileRefusal(file, error as NodeJS.ErrnoException);
    }
    if (read === 0) {
      throw new EngineRefusal(
        `${path.basename(file)}: the file ends before byte ${offset + into.length}; fetch it again.`,
      );
    }
    done += read;
  }
}

/**
 * Whole bytes of a small file.
 * @throws EngineRefusal where it is missing or larger than `mostBytes`
 */
export function readSmallFile(file: string, mostBytes: number): Uint8Array {
  const { fd, size } = openFile(file);
  try {
    if (size > mostBytes) {
      throw new EngineRefusal(
        `${path.basename(file)}: ${size} bytes are more than the ${mostBytes} that such a file may have; fetch it again.`,
      );
    }
    const bytes = new Uint8Array(size);
    readFully(fd, file, bytes, 0);
    return bytes;
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * A small file of UTF-8 text.
 * @throws EngineRefusal where it is missing, larger than `mostBytes`, or not that
 */
export function readText(file: string, mostBytes: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readSmallFile(file, mostBytes));
  } catch (error) {
    if (error instanceof EngineRefusal) throw error;
    throw new EngineRefusal(`${path.basename(file)}: the file is not UTF-8 text; fetch it again.`);
  }
}

/**
 * A JSON file whose outermost value is an object.
 * @throws EngineRefusal where it is missing, too large, or not that
 */
export function readJsonObject(file: string, mostBytes: number): Readonly<Record<string, unknown>> {
  return parseJsonObject(path.basename(file), readSmallFile(file, mostBytes));
}

export function parseJsonObject(name: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new EngineRefusal(`${name}: the file is not valid JSON (${(error as Error).message}); fetch it again.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EngineRefusal(`${name}: the file holds no JSON object; fetch it again.`);
  }
  return value as Record<string, unknown>;
}

function fileRefusal(file: string, { code, message }: NodeJS.ErrnoException): EngineRefusal {
  const name = path.basename(file);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new EngineRefusal(
      `${name}: there is no such file in ${path.dirname(file)}; fetch it, or choose another folder.`,
    );
  }
  return new EngineRefusal(
    `${name}: the file cannot be read (${code ?? message}); check its permissions and the disk.`,
  );
}
