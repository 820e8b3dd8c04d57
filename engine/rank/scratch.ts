import type { LedgerCategory } from '../protocol/telemetry.ts';
import type { MemoryLedger } from './ledger.ts';

/**
 * A buffer that a layer asks for and gives back. Memory is kept for the next layer, as a caching allocator does, so that masks of
 * hundreds of megabytes do not wait for the collector; the ledger enters what is asked for, from `take` to `give`.
 */
export class Scratch {
  private memory = new Float32Array(0);
  private takenBytes = 0;

  constructor(
    private readonly category: LedgerCategory,
    private readonly ledger: MemoryLedger,
  ) {}

  /** Zeros. */
  take(floats: number): Float32Array {
    this.give();
    this.ledger.add(this.category, floats * 4);
    this.takenBytes = floats * 4;
    if (this.memory.length < floats) {
      this.memory = new Float32Array(floats);
      return this.memory;
    }
    return this.memory.subarray(0, floats).fill(0);
  }

  give(): void {
    this.ledger.remove(this.category, this.takenBytes);
    this.takenBytes = 0;
  }

  close(): void {
    this.give();
    this.memory = new Float32Array(0);
  }
}
