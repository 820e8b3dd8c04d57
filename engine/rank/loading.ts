/** Reading is counted in pieces of this many bytes: 32 bits of them reach beyond any model. */
const PIECE_BYTES = 4096;
const CANCELLED = 0;
const PIECES = 1;

/** Shared by the coordinator and all ranks while dense parts are loaded. */
export class Loading {
  private readonly cells: Int32Array;

  constructor(readonly memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.cells = new Int32Array(memory);
  }

  /** Bytes on devices that were read for, by all ranks together. */
  get bytes(): number {
    return (Atomics.load(this.cells, PIECES) >>> 0) * PIECE_BYTES;
  }

  cancel(): void {
    Atomics.store(this.cells, CANCELLED, 1);
  }

  /**
   * A rank is about to read weights that come to `bytes` on a device.
   * @throws LoadingCancelled where nobody waits for them any more
   */
  reads(bytes: number): void {
    if (Atomics.load(this.cells, CANCELLED) !== 0) throw new LoadingCancelled();
    Atomics.add(this.cells, PIECES, Math.round(bytes / PIECE_BYTES));
  }
}

export class LoadingCancelled extends Error {
  override readonly name = 'LoadingCancelled';
}
