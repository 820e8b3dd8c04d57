import './text_panel.css';
import { ArrowLeft } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { useSession, useStudio } from '../../app/context.tsx';
import { animationFrames } from '../../charts/animation_frames.ts';
import { plural } from '../../format/words.ts';
import { useRunNotes } from './live_context.ts';
import { LiveText } from './panel.tsx';
import { textNote } from './sentences.ts';
import { TextRows } from './text_rows.ts';
import { tailRuns } from './text_runs.ts';
import { writeRuns } from './write_runs.ts';

/** Text arrives by the token and is read by the word: four writes a second. */
const WRITE_MS = 250;

/** Characters shown of the sequence that is read in full; the run file holds all. */
const READER_CHARACTERS = 12_000;

/** What the model writes, one line a sequence; a click shows one sequence whole. */
export function TextPanel() {
  const { bus } = useStudio();
  const batch = useSession((s) => s.snapshot.run?.settings.batch);
  const [openRow, setOpenRow] = useState<number>();
  const titleId = useId();
  return (
    <section className="panel live-text" aria-labelledby={titleId}>
      <div className="panel-head">
        <h2 className="panel-title" id={titleId}>
          Text
        </h2>
        {openRow === undefined ? (
          <LiveText
            className="panel-note"
            text={() => textNote(bus.text.rows.filter((row) => !row.done).length, batch)}
          />
        ) : (
          <>
            <LiveText className="panel-note" text={() => sequenceNote(bus.text.row(openRow))} />
            <button type="button" className="icon-button live-back" onClick={() => setOpenRow(undefined)}>
              <ArrowLeft size={14} aria-hidden /> All sequences
            </button>
          </>
        )}
        <span className="live-legend">
          <span className="live-run-waited">tinted</span> waited for an expert to load
        </span>
      </div>
      {openRow === undefined ? <Rows onOpen={setOpenRow} /> : <Reader row={openRow} />}
    </section>
  );
}

function sequenceNote(entry: { sequence: number; tokens: number; waitedTokens: number; done: boolean } | undefined) {
  if (entry === undefined) return '';
  const state = entry.done ? 'done' : 'in flight';
  return `sequence ${entry.sequence + 1}, ${state}, ${plural(entry.tokens, 'token')}, ${entry.waitedTokens} waited`;
}

function Rows({ onOpen }: { readonly onOpen: (row: number) => void }) {
  const { bus } = useStudio();
  const notes = useRunNotes();
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const empty = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (root.current === null || canvas.current === null) return;
    const scroller = root.current;
    const rows = new TextRows(scroller, canvas.current, bus.text, onOpen);
    const task = animationFrames.add({
      name: 'text',
      stage: 'paint',
      minIntervalMs: WRITE_MS,
      run: () => {
        rows.paint();
        if (empty.current !== null) empty.current.textContent = bus.text.rows.length === 0 ? (notes.empty() ?? '') : '';
      },
    });
    const resizes = new ResizeObserver(task.markDirty);
    resizes.observe(scroller);
    scroller.addEventListener('scroll', task.markDirty);
    document.fonts.addEventListener('loadingdone', task.markDirty);
    const stop = bus.subscribe(task.markDirty);
    task.markDirty();
    return () => {
      stop();
      resizes.disconnect();
      scroller.removeEventListener('scroll', task.markDirty);
      document.fonts.removeEventListener('loadingdone', task.markDirty);
      task.dispose();
      rows.dispose();
    };
  }, [bus, onOpen, notes]);
  return (
    <div className="live-text-rows mono" ref={root}>
      <div ref={canvas} />
      <div ref={empty} className="plot-empty live-text-empty" />
    </div>
  );
}

function Reader({ row }: { readonly row: number }) {
  const { bus } = useStudio();
  const element = useRef<HTMLElement>(null);
  useEffect(() => {
    let version = -1;
    let sequence = -1;
    const task = animationFrames.add({
      name: 'text reader',
      stage: 'paint',
      minIntervalMs: WRITE_MS,
      run: () => {
        const entry = bus.text.row(row);
        const reader = element.current;
        if (reader === null || entry === undefined || entry.version === version) return;
        // Who scrolled up to read stays there.
        const atEnd = reader.scrollHeight - reader.scrollTop - reader.clientHeight < 24 || entry.sequence !== sequence;
        version = entry.version;
        sequence = entry.sequence;
        writeRuns(reader, tailRuns(entry, READER_CHARACTERS, false));
        if (atEnd) reader.scrollTop = reader.scrollHeight;
      },
    });
    const stop = bus.subscribe(task.markDirty);
    task.markDirty();
    return () => {
      stop();
      task.dispose();
    };
  }, [bus, row]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable to be scrolled by keyboard
    <article className="live-reader mono" ref={element} tabIndex={0} aria-label="Text of the sequence" />
  );
}
