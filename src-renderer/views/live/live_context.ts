import { createContext, type RefObject, useContext, useEffect, useMemo, useRef } from 'react';
import { useStudio } from '../../app/context.tsx';
import type { Span } from '../../stores/buckets.ts';
import type { LiveFeed } from './live_feed.ts';
import type { LiveStats } from './live_stats.ts';
import { emptyReason, frozenReason } from './sentences.ts';

export interface Live {
  readonly feed: LiveFeed;
  readonly span: Span;
}

export const LiveContext = createContext<Live | undefined>(undefined);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === undefined) throw new Error('useLive outside of LiveView');
  return live;
}

/**
 * Text that changes four times a second without a React render: the element of the ref is written directly. `text` may be a new
 * function at every render.
 */
export function useLiveText<E extends HTMLElement>(
  text: (stats: LiveStats | undefined) => string,
): RefObject<E | null> {
  const { feed } = useLive();
  const element = useRef<E>(null);
  const latest = useRef(text);
  latest.current = text;
  useEffect(() => {
    const write = () => {
      const next = latest.current(feed.stats);
      if (element.current !== null && element.current.textContent !== next) element.current.textContent = next;
    };
    write();
    return feed.subscribe(write);
  }, [feed]);
  // A render may bring another `text` (another device was chosen): do not wait for the next step to show it.
  useEffect(() => {
    if (element.current !== null) element.current.textContent = text(feed.stats);
  });
  return element;
}

/** Why the data stands still, and why there is none: asked when painting, both undefined while a run moves. */
export interface RunNotes {
  frozen(): string | undefined;
  empty(): string | undefined;
}

export function useRunNotes(): RunNotes {
  const { bus, session } = useStudio();
  return useMemo(
    () => ({
      frozen() {
        const { snapshot, host } = session.getState();
        const { history } = bus;
        return history.count === 0 ? undefined : frozenReason(snapshot, host, history.stepOf(history.endRow - 1));
      },
      empty() {
        const { snapshot, host } = session.getState();
        return emptyReason(snapshot, host, bus.history.count > 0);
      },
    }),
    [bus, session],
  );
}
