import { CATEGORY_COUNT, NOT_RUN, PHASE_COUNT } from '../../engine/protocol/telemetry.ts';
import type { RunHistory } from './history.ts';

/** Sums and maxima over some steps. */
export interface StepSums {
  steps: number;
  stallMs: number;
  hiddenMs: number;
  computed: number;
  computeMs: number;
  durationMs: number;
  tokens: number;
  routedPairs: number;
  droppedPairs: number;
  paddingRows: number;
  /** Sum over steps of the largest device share, and the largest of all. */
  maxShareSum: number;
  maxShare: number;
  /** By layer. Steps that ran it, and their inactive experts. */
  readonly layerSteps: Float64Array;
  readonly inactive: Float64Array;
  readonly hits: Float64Array;
  readonly misses: Float64Array;
  /** By phase. */
  readonly phaseMs: Float64Array;
  /** By device: share weighted with the step's tokens, highest share, highest peak, rise of the peak above the step's end. */
  readonly sharedTokens: Float64Array;
  readonly worstShare: Float64Array;
  readonly peakBytes: Float64Array;
  readonly riseBytes: Float64Array;
}

/** Steps whose sums are kept once they are all there. */
const BLOCK_ROWS = 256;

/**
 * Sums over any range of steps at a cost that hardly grows with it: whole blocks are added up once and kept, only the ends of the
 * range are added step by step. An hour's window would otherwise be summed anew four times a second.
 */
export class BlockSums {
  private readonly history: RunHistory;
  private generation = -1;
  private readonly blocks = new Map<number, StepSums>();

  constructor(history: RunHistory) {
    this.history = history;
  }

  /** Over rows [from, to), which must be kept ones. */
  over(from: number, to: number): StepSums {
    this.forgetDropped();
    const total = this.nothing();
    for (let row = from; row < to; ) {
      if (row % BLOCK_ROWS === 0 && row + BLOCK_ROWS <= to) {
        merge(total, this.block(row / BLOCK_ROWS));
        row += BLOCK_ROWS;
      } else {
        addStep(total, this.history, this.history.slot(row));
        row++;
      }
    }
    return total;
  }

  private block(index: number): StepSums {
    const known = this.blocks.get(index);
    if (known !== undefined) return known;
    const sums = this.nothing();
    for (let row = index * BLOCK_ROWS; row < (index + 1) * BLOCK_ROWS; row++) {
      addStep(sums, this.history, this.history.slot(row));
    }
    this.blocks.set(index, sums);
    return sums;
  }

  private forgetDropped(): void {
    if (this.generation !== this.history.generation) this.blocks.clear();
    this.generation = this.history.generation;
    for (const index of this.blocks.keys()) {
      if (index * BLOCK_ROWS < this.history.firstRow) this.blocks.delete(index);
    }
  }

  private nothing(): StepSums {
    const { layers, devices } = this.history.shape;
    return {
      steps: 0,
      stallMs: 0,
      hiddenMs: 0,
      computed: 0,
      computeMs: 0,
      durationMs: 0,
      tokens: 0,
      routedPairs: 0,
      droppedPairs: 0,
      paddingRows: 0,
      maxShareSum: 0,
      maxShare: 0,
      layerSteps: new Float64Array(layers),
      inactive: new Float64Array(layers),
      hits: new Float64Array(layers),
      misses: new Float64Array(layers),
      phaseMs: new Float64Array(PHASE_COUNT),
      sharedTokens: new Float64Array(devices),
      worstShare: new Float64Array(devices),
      peakBytes: new Float64Array(devices),
      riseBytes: new Float64Array(devices),
    };
  }
}

function addStep(sums: StepSums, history: RunHistory, slot: number): void {
  const { columns, shape } = history;
  const tokens = columns.tokens[slot] ?? 0;
  sums.steps++;
  sums.stallMs += columns.stallMs[slot] ?? 0;
  sums.hiddenMs += columns.hiddenMs[slot] ?? 0;
  sums.computed += columns.computed[slot] ?? 0;
  sums.computeMs += columns.computeMs[slot] ?? 0;
  sums.durationMs += columns.durationMs[slot] ?? 0;
  sums.tokens += tokens;
  sums.routedPairs += columns.routedPairs[slot] ?? 0;
  sums.droppedPairs += columns.droppedPairs[slot] ?? 0;
  sums.paddingRows += columns.paddingRows[slot] ?? 0;
  for (let layer = 0; layer < shape.layers; layer++) {
    const inactive = columns.inactive[slot * shape.layers + layer] ?? NOT_RUN;
    if (inactive === NOT_RUN) continue;
    sums.layerSteps[layer] = (sums.layerSteps[layer] ?? 0) + 1;
    sums.inactive[layer] = (sums.inactive[layer] ?? 0) + inactive;
  }
  addRow(sums.hits, columns.hits, slot);
  addRow(sums.misses, columns.misses, slot);
  addRow(sums.phaseMs, columns.phaseMs, slot);
  let highest = 0;
  for (let device = 0; device < shape.devices; device++) {
    const at = slot * shape.devices + device;
    const share = columns.deviceShare[at] ?? 0;
    const peak = columns.peakBytes[at] ?? 0;
    const rise = Math.max(0, peak - totalBytes(history, slot, device));
    highest = Math.max(highest, share);
    sums.sharedTokens[device] = (sums.sharedTokens[device] ?? 0) + share * tokens;
    sums.riseBytes[device] = (sums.riseBytes[device] ?? 0) + rise;
    sums.worstShare[device] = Math.max(sums.worstShare[device] ?? 0, share);
    sums.peakBytes[device] = Math.max(sums.peakBytes[device] ?? 0, peak);
  }
  sums.maxShareSum += highest;
  sums.maxShare = Math.max(sums.maxShare, highest);
}

function merge(into: StepSums, from: StepSums): void {
  into.steps += from.steps;
  into.stallMs += from.stallMs;
  into.hiddenMs += from.hiddenMs;
  into.computed += from.computed;
  into.computeMs += from.computeMs;
  into.durationMs += from.durationMs;
  into.tokens += from.tokens;
  into.routedPairs += from.routedPairs;
  into.droppedPairs += from.droppedPairs;
  into.paddingRows += from.paddingRows;
  into.maxShareSum += from.maxShareSum;
  into.maxShare = Math.max(into.maxShare, from.maxShare);
  for (const key of ['layerSteps', 'inactive', 'hits', 'misses', 'phaseMs', 'sharedTokens', 'riseBytes'] as const) {
    addRow(into[key], from[key], 0);
  }
  for (const key of ['worstShare', 'peakBytes'] as const) {
    for (let i = 0; i < into[key].length; i++) into[key][i] = Math.max(into[key][i] ?? 0, from[key][i] ?? 0);
  }
}

/** Adds the row at `slot` of a row-major column of the sum's width. */
function addRow(sum: Float64Array, column: Uint16Array | Float32Array | Float64Array, slot: number): void {
  const at = slot * sum.length;
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (column[at + i] ?? 0);
}

/** Ledger total of a device at the end of the step. */
export function totalBytes(history: RunHistory, slot: number, device: number): number {
  const at = (slot * history.shape.devices + device) * CATEGORY_COUNT;
  let total = 0;
  for (let i = at; i < at + CATEGORY_COUNT; i++) total += history.columns.ledgerBytes[i] ?? 0;
  return total;
}
