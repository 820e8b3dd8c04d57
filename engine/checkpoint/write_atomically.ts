import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** Writes a text beside its place and renames it onto it: it is there whole or not at all. */
export function writeAtomically(file: string, text: string): void {
  const beside = `${file}.${process.pid}.tmp`;
  try {
    const fd = openSync(beside, 'w');
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
