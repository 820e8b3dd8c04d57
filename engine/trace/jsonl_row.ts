import { EngineRefusal } from '../api.ts';
import type { TraceMeta } from './jsonl_meta.ts';
import { MISSING } from './trace.ts';

/** One token of a trace file. */
export interface TraceRow {
  readonly phase: 0 | 1;
  /** As in the file; 0 where the source knows no requests. */
  readonly request: string | number;
  readonly position: number | undefined;
  /** Forward pass, where the source numbers them. */
  readonly step: number | undefined;
  /** [moeLayers, topK], MISSING where there is none. */
  readonly ids: Uint16Array;
  readonly weights: Float32Array | undefined;
}

const MOST_INT32 = 2 ** 31 - 1;

/**
 * Checks one row, `{"t","req","phase","ids","w"}` or `{"type":"tok","request_id","step","phase","position","layers","ids","w"}`.
 * A layer's list is empty or left out (`layers`) where the source has no ids of it, else of length k, -1 for a dropped choice.
 * By hand, not by schema: a trace has millions of ids, and each is looked at once.
 * @throws EngineRefusal naming file and line
 */
export class RowParser {
  private readonly ordinals: ReadonlyMap<number, number>;

  constructor(
    private readonly meta: TraceMeta,
    private readonly file: string,
  ) {
    const blocks = meta.blocks ?? Array.from({ length: meta.moeLayers }, (_, layer) => layer);
    this.ordinals = new Map(blocks.map((block, ordinal) => [block, ordinal]));
  }

  parse(row: unknown, line: number): TraceRow {
    const fail = (problem: string) =>
      new EngineRefusal(`${this.file}: line ${line}: ${problem}; correct it or export the trace again.`);
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw fail('a token of the trace was expected');
    const { type, phase, ids: lists, w, layers, step, position, req, request_id: id } = row as Record<string, unknown>;
    if (type !== undefined && type !== 'tok')
      throw fail(`rows of type ${JSON.stringify(type)} are not read, only tokens are`);
    if (phase !== 'prefill' && phase !== 'decode') {
      throw fail(`phase is ${JSON.stringify(phase)}; prefill and decode are read`);
    }
    const request = req ?? id ?? 0;
    if (typeof request !== 'string' && !isCount(request))
      throw fail('the request is neither a whole number nor a name');
    if (step !== undefined && step !== null && !isCount(step)) throw fail('step is not a whole number from 0 on');
    if (position !== undefined && position !== null && !isCount(position))
      throw fail('position is not a whole number from 0 on');
    if (!Array.isArray(lists)) throw fail('ids are missing; they are one list per MoE layer');
    const ordinals = this.layersOf(layers, lists.length, fail);
    const ids = this.readIds(lists, ordinals, fail);
    const weights = w === undefined || w === null ? undefined : this.readWeights(w, lists, ordinals, fail);
    return {
      phase: phase === 'decode' ? 1 : 0,
      request,
      position: position ?? undefined,
      step: step ?? undefined,
      ids,
      weights,
    };
  }

  /** Ordinal of the MoE layer that each list belongs to. */
  private layersOf(layers: unknown, lists: number, fail: (problem: string) => Error): readonly number[] {
    const { moeLayers } = this.meta;
    if (layers === undefined || layers === null) {
      if (lists !== moeLayers) throw fail(`ids have ${lists} layers where the model has ${moeLayers}`);
      return Array.from({ length: moeLayers }, (_, layer) => layer);
    }
    if (!Array.isArray(layers) || layers.length !== lists)
      throw fail('layers does not name a layer for each list of ids');
    const ordinals = layers.map((block) => {
      const ordinal = this.ordinals.get(block);
      if (ordinal === undefined)
        throw fail(`layer ${JSON.stringify(block)} is none of the MoE layers that line 1 names`);
      return ordinal;
    });
    if (new Set(ordinals).size !== ordinals.length) throw fail('layers names a layer twice');
    return ordinals;
  }

  private readIds(
    lists: readonly unknown[],
    ordinals: readonly number[],
    fail: (problem: string) => Error,
  ): Uint16Array {
    const { moeLayers, topK, experts } = this.meta;
    const ids = new Uint16Array(moeLayers * topK).fill(MISSING);
    for (const [index, layer] of ordinals.entries()) {
      const list = lists[index];
      if (!Array.isArray(list) || (list.length !== 0 && list.length !== topK)) {
        throw fail(`layer ${layer} needs ${topK} expert ids or an empty list`);
      }
      for (const [choice, id] of list.entries()) {
        if (id === -1) continue;
        if (!isCount(id) || id >= experts) {
          throw fail(
            `layer ${layer} names expert ${JSON.stringify(id)} of ${experts}; the file is damaged or of another model`,
          );
        }
        if (list.indexOf(id) !== choice) throw fail(`layer ${layer} names expert ${id} twice`);
        ids[layer * topK + choice] = id;
      }
    }
    return ids;
  }

  private readWeights(
    w: unknown,
    lists: readonly unknown[][],
    ordinals: readonly number[],
    fail: (problem: string) => Error,
  ): Float32Array {
    const { moeLayers, topK } = this.meta;
    const weights = new Float32Array(moeLayers * topK);
    if (!Array.isArray(w) || w.length !== lists.length) throw fail('w is not parallel to ids');
    for (const [index, layer] of ordinals.entries()) {
      const list: unknown = w[index];
      if (!Array.isArray(list) || list.length !== lists[index]?.length || !list.every(Number.isFinite)) {
        throw fail(`layer ${layer}: w is not parallel to ids`);
      }
      weights.set(list, layer * topK);
    }
    return weights;
  }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_INT32;
}
