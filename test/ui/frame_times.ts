import type { Page } from '@playwright/test';

export interface FrameTimes {
  readonly frames: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly worstMs: number;
  /** Share of frames shorter than 33 ms, 0..1: the goal is 0.95. */
  readonly under33: number;
}

/** Times between animation frames of the page while it does what it does. */
export async function frameTimes(page: Page, spanMs: number): Promise<FrameTimes> {
  const gaps = await page.evaluate(async (span) => {
    const result: number[] = [];
    let last = performance.now();
    const end = last + span;
    await new Promise<void>((resolve) => {
      const frame = () => {
        const now = performance.now();
        result.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(frame);
        else resolve();
      };
      requestAnimationFrame(frame);
    });
    return result;
  }, spanMs);
  const sorted = [...gaps].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  return {
    frames: gaps.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    worstMs: at(1),
    under33: gaps.filter((gap) => gap < 33).length / gaps.length,
  };
}

export const frameTimesText = ({ frames, medianMs, p95Ms, worstMs, under33 }: FrameTimes): string =>
  `${(under33 * 100).toFixed(1)}% of ${frames} frames under 33 ms; median ${medianMs.toFixed(1)} ms, ` +
  `p95 ${p95Ms.toFixed(1)} ms, worst ${worstMs.toFixed(1)} ms`;
