import { RafScheduler } from './raf_scheduler.ts';

/** The one scheduler of this window. The browser gives no animation frames to a hidden document, so nothing runs then. */
export const animationFrames = new RafScheduler({
  requestFrame: (callback) => {
    requestAnimationFrame(callback);
  },
  nowMs: () => performance.now(),
});

/** Cost of every repaint by task name; `npm run bench` reads it from the window. */
export const paintStats = animationFrames.paintStats;
