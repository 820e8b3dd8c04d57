import { CATEGORY_COUNT, LEDGER_CATEGORIES, type LedgerCategory } from '../protocol/telemetry.ts';

const INDEX = Object.fromEntries(LEDGER_CATEGORIES.map((name, index) => [name, index])) as Record<
  LedgerCategory,
  number
>;

/**
 * The memory ledger of one device: every allocation of the rank is entered under one category when it is made and taken out
 * when it is given up. It counts what the engine asked for, in bytes; what the process really holds is measured apart.
 * Law: the total never exceeds the budget, the categories add up to the total, after `close` everything is zero.
 */
export class MemoryLedger {
  private readonly bytes = new Float64Array(CATEGORY_COUNT);
  private totalBytes = 0;
  private peak = 0;
  private recording: { startMs: number; atMs: number[]; bytes: number[] } | undefined;

  constructor(
    readonly device: string,
    readonly budgetBytes: number,
  ) {}

  /** @throws RangeError where the budget would be exceeded: the plan made before the run should have refused it. */
  add(category: LedgerCategory, bytes: number): void {
    const index = INDEX[category];
    const total = this.totalBytes + bytes;
    if (total > this.budgetBytes) {
      throw new RangeError(
        `${this.device}: ${bytes} bytes for ${category} would make ${total} of a budget of ${this.budgetBytes}`,
      );
    }
    this.bytes[index] = (this.bytes[index] as number) + bytes;
    this.totalBytes = total;
    if (total > this.peak) this.peak = total;
    if (this.recording !== undefined) this.record(this.recording);
  }

  remove(category: LedgerCategory, bytes: number): void {
    const index = INDEX[category];
    this.bytes[index] = (this.bytes[index] as number) - bytes;
    this.totalBytes -= bytes;
    if (this.recording !== undefined) this.record(this.recording);
  }

  of(category: LedgerCategory): number {
    return this.bytes[INDEX[category]] as number;
  }

  get total(): number {
    return this.totalBytes;
  }

  /** Copy of the categories in their fixed order. */
  snapshot(): Float64Array {
    return this.bytes.slice();
  }

  /** Highest total since the last call. */
  takePeak(): number {
    const peak = this.peak;
    this.peak = this.totalBytes;
    return peak;
  }

  startRecording(): void {
    this.recording = { startMs: performance.now(), atMs: [], bytes: [] };
    this.record(this.recording);
  }

  stopRecording(): { atMs: Float32Array; bytes: Float64Array } | undefined {
    const { recording } = this;
    this.recording = undefined;
    return recording && { atMs: Float32Array.from(recording.atMs), bytes: Float64Array.from(recording.bytes) };
  }

  private record(recording: { startMs: number; atMs: number[]; bytes: number[] }): void {
    recording.atMs.push(performance.now() - recording.startMs);
    for (let index = 0; index < CATEGORY_COUNT; index++) recording.bytes.push(this.bytes[index] as number);
  }
}
