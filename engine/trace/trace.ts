import { EngineRefusal } from '../api.ts';

/** An expert id that is not there: a dropped choice, or a layer the source did not record. */
export const MISSING = 0xffff;

export interface TraceShape {
  readonly moeLayers: number;
  readonly experts: number;
  readonly topK: number;
}

/** One forward pass of N tokens. */
export interface TraceStep {
  readonly tokens: number;
  /** Chosen experts [moeLayers, N, topK], MISSING where there is none. */
  readonly ids: Uint16Array;
  /** Gate weights parallel to ids, where the source has them. */
  readonly weights?: Float32Array;
  /** Sequence, position in it, and phase (0 prefill, 1 decode) of each token [N]. */
  readonly request: Int32Array;
  readonly position: Int32Array;
  readonly phase: Uint8Array;
  /**
   * What the routers of the next layers foresaw [moeLayers, experts], see buffering/foresight.ts; where they were asked. It follows
   * from hidden states and not from ids, but not from any cache either: caches of every size may be replayed with it.
   */
  readonly foreseen?: Uint8Array;
}

/**
 * What a run's behaviour is a function of: per step, layer and token the chosen experts. Ids live in flat blocks, one a step,
 * layer first, so that a layer's active set is one contiguous scan.
 */
export interface RoutingTrace extends TraceShape {
  readonly steps: number;
  readonly tokens: number;
  stepTokens(step: number): number;
  /** [moeLayers, stepTokens, topK] */
  stepIds(step: number): Uint16Array;
  step(step: number): TraceStep;
}

/** A trace that grows step by step. Arrays given to it are kept, not copied. */
export class RoutingTraceBuilder implements RoutingTrace {
  readonly moeLayers: number;
  readonly experts: number;
  readonly topK: number;
  tokens = 0;
  private readonly blocks: TraceStep[] = [];

  constructor({ moeLayers, experts, topK }: TraceShape) {
    this.moeLayers = moeLayers;
    this.experts = experts;
    this.topK = topK;
  }

  get steps(): number {
    return this.blocks.length;
  }

  /** @throws EngineRefusal for an id out of range, naming step, layer and token */
  appendStep(step: TraceStep): void {
    const { moeLayers, topK, experts } = this;
    const { ids, tokens } = step;
    if (ids.length !== moeLayers * tokens * topK) {
      throw new EngineRefusal(
        `trace: step ${this.steps} has ${ids.length} expert ids where ${moeLayers * tokens * topK} were expected.`,
      );
    }
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] as number;
      if (id < experts || id === MISSING) continue;
      const layer = Math.floor(at / (tokens * topK));
      const token = Math.floor((at % (tokens * topK)) / topK);
      throw new EngineRefusal(
        `trace: step ${this.steps}, layer ${layer}, token ${token} names expert ${id} of ${experts}; the file is damaged or of another model.`,
      );
    }
    this.blocks.push({
      tokens,
      ids,
      ...(step.weights && { weights: step.weights }),
      request: step.request,
      position: step.position,
      phase: step.phase,
      ...(step.foreseen && { foreseen: step.foreseen }),
    });
    this.tokens += tokens;
  }

  /** The same steps in a trace that does not grow with this one. */
  soFar(): RoutingTrace {
    const same = new RoutingTraceBuilder(this);
    same.tokens = this.tokens;
    for (const block of this.blocks) same.blocks.push(block);
    return same;
  }

  stepTokens(step: number): number {
    return this.step(step).tokens;
  }

  stepIds(step: number): Uint16Array {
    return this.step(step).ids;
  }

  step(step: number): TraceStep {
    const block = this.blocks[step];
    if (block === undefined) throw new RangeError(`the trace has ${this.steps} steps, not ${step + 1}`);
    return block;
  }
}

/** What was foreseen of a layer of a step [experts]; undefined where no router was asked. */
export function foreseenOf(trace: RoutingTrace, step: number, layer: number): Uint8Array | undefined {
  const { foreseen } = trace.step(step);
  return foreseen?.subarray(layer * trace.experts, (layer + 1) * trace.experts);
}

/** Below one active expert in so many, sorting the few found is cheaper than a pass over all. */
const SPARSE = 8;

/** Finds active sets; reuse one for many scans. */
export class ActiveScan {
  readonly ids: Int32Array;
  /** Token-expert pairs of the experts last found [experts]; of others it says nothing. */
  readonly rows: Int32Array;
  private readonly stamps: Int32Array;
  private stamp = 0;

  constructor(private readonly experts: number) {
    this.ids = new Int32Array(experts);
    this.rows = new Int32Array(experts);
    this.stamps = new Int32Array(experts);
  }

  /** Distinct experts of a layer of a step, ascending, into the first places of `ids`; returns their number. */
  scan(trace: RoutingTrace, step: number, layer: number): number {
    const block = trace.stepIds(step);
    const pairs = block.length / trace.moeLayers;
    const { stamps, ids, rows, experts } = this;
    const stamp = ++this.stamp;
    let count = 0;
    for (let pair = layer * pairs; pair < (layer + 1) * pairs; pair++) {
      const expert = block[pair] as number;
      if (expert >= experts) continue;
      if (stamps[expert] === stamp) {
        rows[expert] = (rows[expert] as number) + 1;
        continue;
      }
      stamps[expert] = stamp;
      rows[expert] = 1;
      ids[count++] = expert;
    }
    if (count * SPARSE < experts) sortFirst(ids, count);
    else {
      count = 0;
      for (let expert = 0; expert < experts; expert++) if (stamps[expert] === stamp) ids[count++] = expert;
    }
    return count;
  }
}

/** Insertion sort of the first `count` ids: for so few, no comparator call and no view of the array pays. */
function sortFirst(ids: Int32Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const id = ids[i] as number;
    let j = i;
    while (j > 0 && (ids[j - 1] as number) > id) {
      ids[j] = ids[j - 1] as number;
      j--;
    }
    ids[j] = id;
  }
}
