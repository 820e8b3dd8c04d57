/** The last lines of a text that comes in pieces: a chatty process must not fill our memory. */
export class LineRing {
  readonly #capacity: number;
  readonly #lines: string[] = [];
  #unfinished = '';

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(text: string): void {
    const [first = '', ...rest] = text.split(/\r?\n/);
    this.#unfinished += first;
    for (const next of rest) {
      this.#lines.push(this.#unfinished);
      this.#unfinished = next;
    }
    this.#lines.splice(0, Math.max(0, this.#lines.length - this.#capacity));
  }

  /** Oldest first, with a last line that has no end yet. */
  lines(): string[] {
    const all = this.#unfinished === '' ? this.#lines : [...this.#lines, this.#unfinished];
    return all.slice(-this.#capacity);
  }
}
