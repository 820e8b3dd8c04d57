import fs from 'node:fs';
import { EngineRefusal } from '../api.ts';

const CHUNK_BYTES = 1 << 20;
/** A step of 16,000 tokens, 64 layers and top-8 is half of this. Strings end at 512 MiB in our runtimes. */
const MOST_LINE_BYTES = 256 * 2 ** 20;
const LINE_FEED = 10;

/**
 * Lines of a file, read in pieces, the event loop free between them. The last line counts also without its line feed.
 * @param mostBytes of the file
 * @param from byte at which to begin; then only lines that end count: a file that grows is read on from where the last one ended
 * @throws EngineRefusal where the file cannot be read or is over a limit
 */
export async function* fileLines(file: string, mostBytes: number, from?: number): AsyncGenerator<string, void, void> {
  const handle = await fs.promises.open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error);
  });
  try {
    const { size } = await handle.stat();
    if (size > mostBytes) {
      throw new EngineRefusal(
        `${file}: ${size} bytes are more than the ${mostBytes} that can be opened at once; choose a smaller one.`,
      );
    }
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let pieces: Buffer[] = [];
    let pending = 0;
    let position = from ?? 0;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position).catch((error: NodeJS.ErrnoException) => {
        throw unreadable(file, error);
      });
      if (bytesRead === 0) break;
      position += bytesRead;
      let begin = 0;
      for (;;) {
        const end = chunk.subarray(0, bytesRead).indexOf(LINE_FEED, begin);
        if (end === -1) break;
        yield pending === 0
          ? chunk.toString('utf8', begin, end)
          : Buffer.concat([...pieces, chunk.subarray(begin, end)]).toString('utf8');
        pieces = [];
        pending = 0;
        begin = end + 1;
      }
      if (begin < bytesRead) {
        pieces.push(Buffer.from(chunk.subarray(begin, bytesRead)));
        pending += bytesRead - begin;
        if (pending > MOST_LINE_BYTES) {
          throw new EngineRefusal(`${file}: a line is longer than ${MOST_LINE_BYTES} bytes; this is not a run file.`);
        }
      }
    }
    if (pending > 0 && from === undefined) yield Buffer.concat(pieces).toString('utf8');
  } finally {
    await handle.close();
  }
}

export function unreadable(file: string, error: NodeJS.ErrnoException): EngineRefusal {
  if (error.code === 'ENOENT') return new EngineRefusal(`${file}: there is no such file; choose one that exists.`);
  return new EngineRefusal(
    `${file}: the file cannot be read (${error.code ?? error.message}); check that it is there and its permissions.`,
  );
}
