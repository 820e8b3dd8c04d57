import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** Appends bytes, all of them. */
export type Write = (bytes: Uint8Array) => void;

/** Writes a text beside its place and renames it onto it: it is there whole or not at all. */
export function writeAtomically(file: string, text: string): void {
  streamAtomically(file, (write) => write(Buffer.from(text)));
}

/** The same for what comes in pieces: `fill` writes them; where it throws, nothing is left behind. */
export function streamAtomically(file: string, fill: (write: Write) => void): void {
  const beside = `${file}.${process.pid}.tmp`;
  try {
    const fd = openSync(beside, 'w');
    try {
      fill((bytes) => {
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      });
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
