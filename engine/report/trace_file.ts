import fs from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { EngineRefusal } from '../api.ts';
import { readTraceLines } from '../trace/jsonl.ts';
import { unreadable } from './file_lines.ts';

/** A bound on memory, and on what a small file may unpack to; real traces of a hundred thousand tokens are below it. */
const MOST_TRACE_BYTES = 512 * 2 ** 20;
const GZIP_MAGIC = 0x8b1f;
const LINE_FEED = 10;

/**
 * A routing trace from a file: `moe-trace` 1 JSON lines, plain or gzip (told by content, not by name).
 * @throws EngineRefusal for a file that cannot be read, is over the bound, or is no such trace
 */
export function readTraceFile(file: string, mostBytes = MOST_TRACE_BYTES): ReturnType<typeof readTraceLines> {
  return readTraceLines(linesOf(unpack(readBounded(file, mostBytes), file, mostBytes)), file);
}

function readBounded(file: string, mostBytes: number): Buffer {
  try {
    const { size } = fs.statSync(file);
    if (size > mostBytes)
      throw new EngineRefusal(
        `${file}: ${size} bytes are more than the ${mostBytes} that can be opened at once; choose a smaller one.`,
      );
    return fs.readFileSync(file);
  } catch (error) {
    throw error instanceof EngineRefusal ? error : unreadable(file, error as NodeJS.ErrnoException);
  }
}

function unpack(bytes: Buffer, file: string, mostBytes: number): Buffer {
  if (bytes.length < 2 || bytes.readUInt16LE(0) !== GZIP_MAGIC) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new EngineRefusal(
        `${file}: unpacked, it has more than the ${mostBytes} bytes that can be opened at once; cut it into smaller ones.`,
      );
    }
    throw new EngineRefusal(
      `${file}: the gzip data is cut off or damaged (${(error as Error).message}); fetch it again.`,
    );
  }
}

/** Line by line: the whole would not fit into one string. */
function* linesOf(bytes: Buffer): Generator<string, void, void> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(LINE_FEED, from);
    const to = end === -1 ? bytes.length : end;
    yield bytes.toString('utf8', from, to);
    from = to + 1;
  }
}
