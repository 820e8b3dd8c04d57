import { Copy, X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { CommandButton } from '../widgets/command_button.tsx';
import { useSession } from './context.tsx';

/** What the engine said, newest last; follows the end unless the person scrolled up. */
export function LogDrawer() {
  const log = useSession((s) => s.log);
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line is what moves the end
  useEffect(() => {
    if (follows.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [log]);
  return (
    <section className="log" aria-label="Log">
      <div className="log-head">
        <h2>Log</h2>
        <span className="grow" />
        <CommandButton command="log.copy" iconOnly className="button-quiet">
          <Copy size={14} aria-hidden />
        </CommandButton>
        <CommandButton command="view.log" iconOnly className="button-quiet">
          <X size={14} aria-hidden />
        </CommandButton>
      </div>
      <div
        ref={list}
        className="log-lines mono"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        role="log"
        aria-live="off"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          follows.current = scrollHeight - scrollTop - clientHeight < 8;
        }}
      >
        {log.length === 0 && <p className="dim">The engine has said nothing yet.</p>}
        {log.map(({ id, level, line }) => (
          <p key={id} className={`log-${level}`}>
            {level !== 'info' && <b>{level} </b>}
            {line}
          </p>
        ))}
      </div>
    </section>
  );
}
