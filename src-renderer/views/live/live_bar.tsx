import { Copy, Pin, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useSelection, useStudio } from '../../app/context.tsx';
import { animationFrames } from '../../charts/animation_frames.ts';
import { SPANS } from '../../charts/time_axis.ts';
import { count } from '../../format/numbers.ts';
import { plural } from '../../format/words.ts';
import type { Span } from '../../stores/buckets.ts';
import { Segments } from '../../widgets/segments.tsx';
import { useLive, useRunNotes } from './live_context.ts';
import { layerCsv, readoutText, restText, stepCsv } from './readout.ts';

const COPIED_MS = 1500;

/** Above the panels: what the shared cursor points at (else what the window covers), and the span of the time axes. */
export function LiveBar({ onSpan }: { readonly onSpan: (span: Span) => void }) {
  const { span } = useLive();
  return (
    <div className="live-bar">
      <Readout />
      <Segments
        label="Time shown"
        options={SPANS.map((entry) => ({ value: String(entry.span), label: entry.label }))}
        value={String(span)}
        onChoose={(value) => onSpan(SPANS.find((entry) => String(entry.span) === value)?.span ?? 'all')}
      />
    </div>
  );
}

function Readout() {
  const { bus, session, selection, host } = useStudio();
  const { feed } = useLive();
  const notes = useRunNotes();
  const pinned = useSelection((s) => s.pinned);
  const [copied, setCopied] = useState(false);
  const element = useRef<HTMLOutputElement>(null);

  useEffect(() => {
    const task = animationFrames.add({
      name: 'readout',
      stage: 'paint',
      minIntervalMs: 50,
      run: () => {
        if (element.current === null) return;
        const { hover, pinned: held } = selection.getState();
        const { snapshot } = session.getState();
        const cursor = Object.keys(hover).length > 0 ? hover : (held ?? {});
        const { totals } = bus;
        const done =
          totals === undefined
            ? ''
            : `, ${count(totals.sequencesDone)} of ${plural(totals.sequencesTotal, 'sequence')} done`;
        const text =
          readoutText(bus.history, feed.stats, snapshot, cursor) ?? restText(feed.stats, notes.frozen(), done);
        if (element.current.textContent !== text) element.current.textContent = text;
      },
    });
    const stops = [feed.subscribe(task.markDirty), selection.subscribe(task.markDirty), task.dispose];
    task.markDirty();
    return () => {
      for (const stop of stops) stop();
    };
  }, [bus, session, selection, feed, notes]);

  const copy = async () => {
    const { snapshot } = session.getState();
    const csv =
      pinned?.step !== undefined
        ? stepCsv(bus.history, snapshot, pinned.step)
        : feed.stats !== undefined && pinned?.layer !== undefined
          ? layerCsv(feed.stats, snapshot, pinned.layer)
          : undefined;
    if (csv === undefined) return;
    await host.copyText(csv);
    setCopied(true);
    window.setTimeout(() => setCopied(false), COPIED_MS);
  };

  return (
    <div className="live-readout">
      {pinned !== undefined && <Pin size={13} className="live-pin" aria-label="Pinned" />}
      <output ref={element} aria-live="off" />
      {pinned !== undefined && (
        <span className="live-pinned">
          <button type="button" className="icon-button" onClick={copy}>
            <Copy size={13} aria-hidden /> {copied ? 'Copied' : 'Copy as CSV'}
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Let go of the pinned cursor"
            onClick={() => selection.getState().pin(undefined)}
          >
            <X size={13} aria-hidden />
          </button>
        </span>
      )}
    </div>
  );
}
