import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import type { Bench, Figure } from './bench.ts';
import { quantile } from './statistics.ts';
import { FIRST_TEXT, openStudio } from './studio_window.ts';

const SPAN_MS = 20_000;
const FRAME_GOAL_MS = 33;
const SHARE_GOAL = 0.95;

export const frames: Bench = {
  id: 'frames',
  title: "The window's frame times while telemetry comes ten times a second",
  figures: ['frames.p50_ms', 'frames.p95_ms', 'frames.p99_ms', 'frames.under_33ms', 'frames.idle_under_33ms'],
  async *run(context): AsyncGenerator<Figure> {
    // Long enough for the whole span: the default run may end before.
    const studio = await openStudio(context, { ...DEFAULT_RUN, promptCount: 10_000, ignoreEnd: true });
    let running: number[];
    let idle: number[];
    try {
      await studio.evaluate(FIRST_TEXT);
      // The first frames are those of a window being built.
      await studio.evaluate(intervals(2000));
      running = await studio.evaluate<number[]>(intervals(SPAN_MS));
      await studio.evaluate(PAUSE);
      idle = await studio.evaluate<number[]>(intervals(SPAN_MS / 4));
    } finally {
      await studio.close();
    }
    const common = { unit: 'ms', how: 'measured' } as const;
    const detail = `${running.length} frames in ${SPAN_MS / 1000} s of a run, the default settings, live view`;
    yield { id: 'frames.p50_ms', value: quantile(running, 0.5), ...common, detail };
    const p95 = quantile(running, SHARE_GOAL);
    yield {
      id: 'frames.p95_ms',
      value: p95,
      ...common,
      versus: { goal: `< ${FRAME_GOAL_MS}`, met: p95 < FRAME_GOAL_MS },
    };
    yield { id: 'frames.p99_ms', value: quantile(running, 0.99), ...common };
    const under = underGoal(running);
    yield {
      id: 'frames.under_33ms',
      value: under * 100,
      unit: '%',
      how: 'measured',
      versus: { goal: `>= ${SHARE_GOAL * 100}%`, met: under >= SHARE_GOAL },
    };
    yield {
      id: 'frames.idle_under_33ms',
      value: underGoal(idle) * 100,
      unit: '%',
      how: 'measured',
      detail: 'the same window, run paused: what this machine can do',
    };
  },
};

const underGoal = (times: readonly number[]): number => times.filter((ms) => ms < FRAME_GOAL_MS).length / times.length;

const PAUSE = `[...document.querySelectorAll('button')].find((button) => /^Pause/.test(button.ariaLabel ?? button.textContent)).click()`;

/** In the page: times between animation frames over a span. */
const intervals = (spanMs: number): string => `new Promise((resolve) => {
  const times = [];
  let last = performance.now();
  const end = last + ${spanMs};
  const frame = () => {
    const now = performance.now();
    times.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(frame);
    else resolve(times);
  };
  requestAnimationFrame(frame);
})`;
