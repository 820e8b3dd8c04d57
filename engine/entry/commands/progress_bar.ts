const WIDTH = 24;
const REDRAW_MS = 100;

/** A bar on stderr where that is a terminal; nothing at all where it is not. */
export class ProgressBar {
  private drawnMs = 0;
  private drawn = false;

  show(fraction: number, text: string): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.drawnMs < REDRAW_MS) return;
    this.drawnMs = now;
    this.drawn = true;
    const filled = Math.round(Math.min(1, fraction) * WIDTH);
    process.stderr.write(
      `\r[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${Math.floor(fraction * 100)}% ${text}\u001b[K`,
    );
  }

  end(): void {
    if (this.drawn) process.stderr.write('\r\u001b[K');
    this.drawn = false;
  }
}
