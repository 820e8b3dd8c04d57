import { useEffect, useRef } from 'react';

/** Repeated key presses and clicks are collected for this long before they count as one change. */
const PAUSE_MS = 400;

export interface Settled<T> {
  /** The person has let go: the value counts now. */
  now(value: T): void;
  /** The person may go on: the value counts when nothing follows. */
  soon(value: T): void;
  /** What waits counts now, for example because the focus left. */
  flush(): void;
}

/** Turns a series of small steps into one change, so that one gesture is one request and one entry to undo. */
export function useSettled<T>(onSettle: (value: T) => void): Settled<T> {
  const timer = useRef(0);
  const waiting = useRef<{ readonly value: T } | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const settled: Settled<T> = {
    now(value) {
      window.clearTimeout(timer.current);
      waiting.current = undefined;
      onSettle(value);
    },
    soon(value) {
      window.clearTimeout(timer.current);
      waiting.current = { value };
      timer.current = window.setTimeout(settled.flush, PAUSE_MS);
    },
    flush() {
      if (waiting.current !== undefined) settled.now(waiting.current.value);
    },
  };
  return settled;
}
