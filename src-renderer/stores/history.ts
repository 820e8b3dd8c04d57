import type { SettingsMark } from '../../engine/protocol/messages.ts';
import { CATEGORY_COUNT, PHASE_COUNT, type StepColumns } from '../../engine/protocol/telemetry.ts';

/** How much of a run the window remembers: whichever limit is met first drops the oldest steps. */
export interface HistoryBudget {
  readonly bytes: number;
  readonly spanMs: number;
}

export const DEFAULT_HISTORY_BUDGET: HistoryBudget = { bytes: 64 * 2 ** 20, spanMs: 20 * 60_000 };

/** Rows allocated at first; doubled until the byte budget is met, so that a short run costs little. */
const FIRST_ROWS = 1024;

export interface HistoryShape {
  /** MoE layers. */
  readonly layers: number;
  readonly devices: number;
}

/**
 * Every step column of the telemetry, plus two sums that every repaint would otherwise take over all layers.
 * Row-major rings: values of the row at `slot` begin at `slot * width`.
 */
export interface HistoryColumns {
  readonly step: Int32Array;
  readonly endMs: Float64Array;
  readonly durationMs: Float32Array;
  readonly tokens: Int32Array;
  readonly newTokens: Int32Array;
  readonly stallMs: Float32Array;
  readonly hiddenMs: Float32Array;
  readonly computed: Int32Array;
  readonly computeMs: Float32Array;
  readonly inactive: Uint16Array;
  readonly hits: Uint16Array;
  readonly misses: Uint16Array;
  readonly evictions: Uint16Array;
  readonly ledgerBytes: Float64Array;
  readonly peakBytes: Float64Array;
  readonly deviceShare: Float32Array;
  readonly phaseMs: Float32Array;
  readonly routedPairs: Int32Array;
  readonly droppedPairs: Int32Array;
  readonly paddingRows: Int32Array;
  /** Sum over layers. */
  readonly hitsAll: Uint32Array;
  readonly missesAll: Uint32Array;
}

type SourceColumn = Exclude<keyof HistoryColumns, 'hitsAll' | 'missesAll'>;
type Column = Int32Array | Uint16Array | Uint32Array | Float32Array | Float64Array;

const widths = ({ layers, devices }: HistoryShape): Record<SourceColumn, number> => ({
  step: 1,
  endMs: 1,
  durationMs: 1,
  tokens: 1,
  newTokens: 1,
  stallMs: 1,
  hiddenMs: 1,
  computed: 1,
  computeMs: 1,
  inactive: layers,
  hits: layers,
  misses: layers,
  evictions: layers,
  ledgerBytes: devices * CATEGORY_COUNT,
  peakBytes: devices,
  deviceShare: devices,
  phaseMs: PHASE_COUNT,
  routedPairs: 1,
  droppedPairs: 1,
  paddingRows: 1,
});

function allocate(shape: HistoryShape, rows: number): HistoryColumns {
  const width = widths(shape);
  return {
    step: new Int32Array(rows),
    endMs: new Float64Array(rows),
    durationMs: new Float32Array(rows),
    tokens: new Int32Array(rows),
    newTokens: new Int32Array(rows),
    stallMs: new Float32Array(rows),
    hiddenMs: new Float32Array(rows),
    computed: new Int32Array(rows),
    computeMs: new Float32Array(rows),
    inactive: new Uint16Array(rows * width.inactive),
    hits: new Uint16Array(rows * width.hits),
    misses: new Uint16Array(rows * width.misses),
    evictions: new Uint16Array(rows * width.evictions),
    ledgerBytes: new Float64Array(rows * width.ledgerBytes),
    peakBytes: new Float64Array(rows * width.peakBytes),
    deviceShare: new Float32Array(rows * width.deviceShare),
    phaseMs: new Float32Array(rows * width.phaseMs),
    routedPairs: new Int32Array(rows),
    droppedPairs: new Int32Array(rows),
    paddingRows: new Int32Array(rows),
    hitsAll: new Uint32Array(rows),
    missesAll: new Uint32Array(rows),
  };
}

const bytesOf = (columns: HistoryColumns): number =>
  Object.values(columns).reduce((sum: number, column: Column) => sum + column.byteLength, 0);

/**
 * The steps of one run, oldest dropped first. Rows are numbered from 0 in order of arrival and keep their number:
 * the kept ones are `[firstRow, endRow)`, and `slot(row)` says where a row lies in the columns.
 */
export class RunHistory {
  readonly budget: HistoryBudget;
  columns: HistoryColumns = allocate({ layers: 0, devices: 0 }, 0);
  shape: HistoryShape = { layers: 0, devices: 0 };
  firstRow = 0;
  endRow = 0;
  /** Raised at each reset: what was computed from rows of another generation is void. */
  generation = 0;
  /** Raised at each change of rows or marks: cheap to compare, typed arrays are not. */
  version = 0;
  marks: readonly SettingsMark[] = [];
  private capacity = 0;

  constructor(budget: HistoryBudget = DEFAULT_HISTORY_BUDGET) {
    this.budget = budget;
  }

  get budgetBytes(): number {
    return this.budget.bytes;
  }

  /** Bytes allocated now, filled or not. */
  get bytes(): number {
    return bytesOf(this.columns);
  }

  /** Steps that arrived and were dropped again to keep the budget. */
  get droppedSteps(): number {
    return this.firstRow;
  }

  get count(): number {
    return this.endRow - this.firstRow;
  }

  /** End of the newest step, ms since the run began; 0 before the first. */
  get lastMs(): number {
    return this.count === 0 ? 0 : this.endMsOf(this.endRow - 1);
  }

  reset(): void {
    this.columns = allocate({ layers: 0, devices: 0 }, 0);
    this.shape = { layers: 0, devices: 0 };
    this.firstRow = 0;
    this.endRow = 0;
    this.capacity = 0;
    this.marks = [];
    this.generation++;
    this.version++;
  }

  setMarks(marks: readonly SettingsMark[]): void {
    if (marks === this.marks) return;
    this.marks = marks;
    this.version++;
  }

  append(steps: StepColumns): void {
    if (steps.count === 0) return;
    const shape = { layers: steps.inactive.length / steps.count, devices: steps.deviceShare.length / steps.count };
    if (this.count === 0) {
      this.shape = shape;
    } else if (shape.layers !== this.shape.layers || shape.devices !== this.shape.devices) {
      throw new RangeError('A run cannot change its number of layers or devices.');
    }
    this.reserve(this.count + steps.count);
    const skipped = Math.max(0, steps.count - this.capacity);
    const firstNew = this.endRow + skipped;
    this.endRow += steps.count;
    this.firstRow = Math.max(this.firstRow, this.endRow - this.capacity);
    this.copyIn(steps, skipped, firstNew);
    this.dropOlderThan(this.lastMs - this.budget.spanMs);
    this.version++;
  }

  slot(row: number): number {
    return row % this.capacity;
  }

  endMsOf(row: number): number {
    return this.columns.endMs[this.slot(row)] ?? 0;
  }

  stepOf(row: number): number {
    return this.columns.step[this.slot(row)] ?? 0;
  }

  /** First kept row that ended at `ms` or later; `endRow` when there is none. */
  rowAt(ms: number): number {
    return this.lowerBound((row) => this.endMsOf(row) >= ms);
  }

  /** Row of the step, or of the next one kept where it was left out; `undefined` when outside the history. */
  rowOfStep(step: number): number | undefined {
    const row = this.lowerBound((candidate) => this.stepOf(candidate) >= step);
    if (row === this.endRow || (row === this.firstRow && this.stepOf(row) > step)) return undefined;
    return row;
  }

  /** Row whose end is nearest to `ms`; `undefined` when there are no rows. */
  nearestRow(ms: number): number | undefined {
    if (this.count === 0) return undefined;
    const after = Math.min(this.rowAt(ms), this.endRow - 1);
    const before = Math.max(after - 1, this.firstRow);
    return ms - this.endMsOf(before) < this.endMsOf(after) - ms ? before : after;
  }

  private lowerBound(holds: (row: number) => boolean): number {
    let low = this.firstRow;
    let high = this.endRow;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private dropOlderThan(ms: number): void {
    this.firstRow = Math.max(this.firstRow, Math.min(this.rowAt(ms), this.endRow - 1));
  }

  private reserve(rows: number): void {
    if (rows <= this.capacity) return;
    const bytesPerRow = bytesOf(allocate(this.shape, 1));
    const most = Math.max(1, Math.floor(this.budget.bytes / bytesPerRow));
    let next = Math.max(this.capacity, Math.min(FIRST_ROWS, most));
    while (next < rows && next < most) next = Math.min(next * 2, most);
    if (next === this.capacity) return;
    const grown = allocate(this.shape, next);
    const old = this.columns;
    const oldCapacity = this.capacity;
    for (const name of Object.keys(grown) as (keyof HistoryColumns)[]) {
      const width = grown[name].length / next;
      // A ring of another length puts rows elsewhere: copy runs that wrap in neither ring.
      for (let row = this.firstRow; row < this.endRow; ) {
        const from = row % oldCapacity;
        const to = row % next;
        const run = Math.min(this.endRow - row, oldCapacity - from, next - to);
        grown[name].set(old[name].subarray(from * width, (from + run) * width), to * width);
        row += run;
      }
    }
    this.columns = grown;
    this.capacity = next;
  }

  private copyIn(steps: StepColumns, skipped: number, firstNew: number): void {
    const width = widths(this.shape);
    for (const name of Object.keys(width) as SourceColumn[]) {
      const w = width[name];
      for (let row = firstNew; row < this.endRow; ) {
        const to = this.slot(row);
        const from = skipped + (row - firstNew);
        const run = Math.min(this.endRow - row, this.capacity - to);
        this.columns[name].set(steps[name].subarray(from * w, (from + run) * w), to * w);
        row += run;
      }
    }
    for (let row = firstNew; row < this.endRow; row++) {
      const slot = this.slot(row);
      this.columns.hitsAll[slot] = sumRow(this.columns.hits, slot, this.shape.layers);
      this.columns.missesAll[slot] = sumRow(this.columns.misses, slot, this.shape.layers);
    }
  }
}

function sumRow(column: Uint16Array, slot: number, width: number): number {
  let sum = 0;
  for (let i = slot * width; i < (slot + 1) * width; i++) sum += column[i] ?? 0;
  return sum;
}
