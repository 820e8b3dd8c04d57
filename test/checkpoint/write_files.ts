import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';

/** A folder of its own for the tests of one file, removed after them. */
export function scratchFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'checkpoint-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface HeaderTensor {
  readonly dtype: string;
  readonly shape: readonly unknown[];
  readonly data_offsets: readonly unknown[];
}

/** Bytes of a safetensors file with this header (an object, or text as it stands) and `dataBytes` bytes of data. */
export function safetensorsBytes(
  header: object | string,
  dataBytes: number | Uint8Array = 0,
  claimedLength?: bigint,
): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimedLength ?? BigInt(text.length));
  return Buffer.concat([length, text, typeof dataBytes === 'number' ? Buffer.alloc(dataBytes) : dataBytes]);
}

/** What `read` refuses with. Any other error, or none, fails the test. */
export function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof EngineRefusal) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Whether `read` works (true) or refuses (false); every other outcome is a bug and thrown. */
export function accepts(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof EngineRefusal) return false;
    throw error;
  }
}

/** Cases of all fuzz tests together; raised by FUZZ_CASES. Divided by the share that one test takes. */
export function fuzzRuns(share: number): number {
  return Math.ceil(Number(process.env.FUZZ_CASES ?? 2000) * share);
}
