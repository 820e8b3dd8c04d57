/** Rows picked out of other ranks' matrices, on their way to the device in one piece. */
export class RowPile {
  private memory = new Float32Array(0);
  count = 0;

  constructor(private readonly hidden: number) {}

  clear(): void {
    this.count = 0;
  }

  /** @returns its place in the pile */
  add(matrix: Float32Array, row: number): number {
    const { hidden } = this;
    const at = this.count * hidden;
    if (this.memory.length < at + hidden) {
      const grown = new Float32Array(Math.max(2 * this.memory.length, at + hidden));
      grown.set(this.memory);
      this.memory = grown;
    }
    this.memory.set(matrix.subarray(row * hidden, (row + 1) * hidden), at);
    return this.count++;
  }

  /** [count, hidden] */
  get rows(): Float32Array {
    return this.memory.subarray(0, this.count * this.hidden);
  }
}
