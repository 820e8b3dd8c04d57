import '../../charts/charts.css';
import './live.css';
import { useEffect, useMemo, useState } from 'react';
import { useSession, useStudio } from '../../app/context.tsx';
import type { Span } from '../../stores/buckets.ts';
import { CachePanel } from './cache_panel.tsx';
import { IdlePanel } from './idle_panel.tsx';
import { LiveBar } from './live_bar.tsx';
import { type Live, LiveContext } from './live_context.ts';
import { LiveFeed } from './live_feed.ts';
import { LoadPanel } from './load_panel.tsx';
import { MemoryPanel } from './memory_panel.tsx';
import { frozenReason } from './sentences.ts';
import { TextPanel } from './text_panel.tsx';

const DEFAULT_SPAN_MS = 60_000;

/** The run as it happens: four linked panels and the text. React renders it on changes of run, selection and layout only. */
export function LiveView() {
  const { bus, session } = useStudio();
  const [span, setSpan] = useState<Span>(DEFAULT_SPAN_MS);
  const feed = useMemo(() => new LiveFeed(bus, session), [bus, session]);
  useEffect(() => feed.start(), [feed]);
  useEffect(() => feed.setSpan(span), [feed, span]);
  const live = useMemo((): Live => ({ feed, span }), [feed, span]);
  const isFrozen = useSession(({ snapshot, host }) => frozenReason(snapshot, host, 0) !== undefined);
  return (
    <LiveContext value={live}>
      <div className="live" data-frozen={isFrozen}>
        <LiveBar onSpan={setSpan} />
        <div className="live-panels">
          <IdlePanel />
          <MemoryPanel />
          <CachePanel />
          <LoadPanel />
          <TextPanel />
        </div>
      </div>
    </LiveContext>
  );
}
