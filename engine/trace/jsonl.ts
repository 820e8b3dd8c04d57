import { EngineRefusal } from '../api.ts';
import { formatTraceMeta, parseTraceMeta, type TraceMeta } from './jsonl_meta.ts';
import { RowParser, type TraceRow } from './jsonl_row.ts';
import { MISSING, type RoutingTrace, RoutingTraceBuilder, type TraceStep } from './trace.ts';

/** Requests that have a name, not a number, are numbered from here on in order of appearance. */
const FIRST_NAMED_REQUEST = 2 ** 30;

/**
 * Reads a `moe-trace` 1 file in JSON lines: a meta line, then a line a token.
 *
 * Steps: tokens that carry the same `step` and follow each other are one. Where the source numbers no steps, every decode token
 * is a step, and consecutive prefill tokens of one request are one step (the prompt in one pass): the batches that the source
 * really ran are not in such a file.
 * @param lines without line feeds; empty ones are skipped
 * @param file named in refusals
 * @throws EngineRefusal naming the line, for anything that is not as the format says; nothing is repaired
 */
export function readTraceLines(lines: Iterable<string>, file = 'trace'): { meta: TraceMeta; trace: RoutingTrace } {
  let meta: TraceMeta | undefined;
  let parser: RowParser | undefined;
  let builder: RoutingTraceBuilder | undefined;
  let pending: TraceRow[] = [];
  let weighted: boolean | undefined;
  const requests = new RequestNumbers();
  let number = 0;
  for (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    const value = parseJson(line, number, file);
    if (meta === undefined || parser === undefined || builder === undefined) {
      meta = parseTraceMeta(value, file);
      parser = new RowParser(meta, file);
      builder = new RoutingTraceBuilder(meta);
      continue;
    }
    const row = parser.parse(value, number);
    weighted ??= row.weights !== undefined;
    if (weighted !== (row.weights !== undefined)) {
      throw new EngineRefusal(
        `${file}: line ${number}: gate weights are in some tokens and not in others; leave out w in all or in none.`,
      );
    }
    const [first] = pending;
    if (first !== undefined && !sameStep(first, row)) {
      if (row.step !== undefined && first.step !== undefined && row.step < first.step) {
        throw new EngineRefusal(
          `${file}: line ${number}: step ${row.step} comes after step ${first.step}; sort the file by step.`,
        );
      }
      builder.appendStep(toStep(pending, meta, requests));
      pending = [];
    }
    pending.push(row);
  }
  if (meta === undefined || builder === undefined)
    throw new EngineRefusal(`${file}: the file is empty; line 1 must be its meta line.`);
  if (pending.length > 0) builder.appendStep(toStep(pending, meta, requests));
  return { meta, trace: builder };
}

function parseJson(line: string, number: number, file: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new EngineRefusal(`${file}: line ${number} is not JSON; the file is cut off, damaged, or of another format.`);
  }
}

function sameStep(a: TraceRow, b: TraceRow): boolean {
  if (a.step !== undefined || b.step !== undefined) return a.step === b.step;
  return a.phase === 0 && b.phase === 0 && a.request === b.request;
}

/** Turns rows, token first, into a step, layer first. */
function toStep(rows: readonly TraceRow[], { moeLayers, topK }: TraceMeta, requests: RequestNumbers): TraceStep {
  const tokens = rows.length;
  const ids = new Uint16Array(moeLayers * tokens * topK);
  const weights = rows[0]?.weights && new Float32Array(ids.length);
  const request = new Int32Array(tokens);
  const position = new Int32Array(tokens);
  for (const [token, row] of rows.entries()) {
    request[token] = requests.numberOf(row.request);
    position[token] = requests.nextPosition(row);
    for (let layer = 0; layer < moeLayers; layer++) {
      const from = layer * topK;
      const to = (layer * tokens + token) * topK;
      ids.set(row.ids.subarray(from, from + topK), to);
      if (row.weights !== undefined) weights?.set(row.weights.subarray(from, from + topK), to);
    }
  }
  return { tokens, ids, weights, request, position, phase: Uint8Array.from(rows, (row) => row.phase) };
}

class RequestNumbers {
  private readonly named = new Map<string, number>();
  private readonly positions = new Map<string | number, number>();

  /** A whole number stands for itself, also as text. */
  numberOf(request: string | number): number {
    if (typeof request === 'number') return request;
    if (/^(0|[1-9]\d{0,8})$/.test(request)) return Number(request);
    const number = this.named.get(request) ?? FIRST_NAMED_REQUEST + this.named.size;
    this.named.set(request, number);
    return number;
  }

  /** The row's own position, else one after the last of its request. */
  nextPosition({ request, position }: TraceRow): number {
    const here = position ?? this.positions.get(request) ?? 0;
    this.positions.set(request, here + 1);
    return here;
  }
}

/**
 * Writes a trace in the form that `readTraceLines` reads back equal: one `tok` line a token, with its step. A step of no tokens
 * has no line. Weights get the nine digits that a float32 needs.
 */
export function* writeTraceLines(meta: TraceMeta, trace: RoutingTrace): Generator<string, void, void> {
  yield formatTraceMeta(meta);
  const { moeLayers, topK } = trace;
  for (let step = 0; step < trace.steps; step++) {
    const { tokens, ids, weights, request, position, phase } = trace.step(step);
    for (let token = 0; token < tokens; token++) {
      const cells = Array.from({ length: moeLayers }, (_, layer) => (layer * tokens + token) * topK);
      const lists = cells.map((at) => ids.subarray(at, at + topK));
      const empty = lists.map((list) => list.every((id) => id === MISSING));
      yield JSON.stringify({
        type: 'tok',
        request_id: String(request[token]),
        step,
        phase: phase[token] === 1 ? 'decode' : 'prefill',
        position: position[token],
        layers: meta.blocks,
        ids: lists.map((list, layer) => (empty[layer] ? [] : Array.from(list, (id) => (id === MISSING ? -1 : id)))),
        w:
          weights &&
          cells.map((at, layer) => (empty[layer] ? [] : Array.from(weights.subarray(at, at + topK), nineDigits))),
      });
    }
  }
}

function nineDigits(weight: number): number {
  return Number(weight.toPrecision(9));
}
