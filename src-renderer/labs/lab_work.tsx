import { type ReactNode, useEffect, useRef } from 'react';
import type { Progress } from '../../engine/protocol/messages.ts';
import { spanText } from '../format/time.ts';
import { ProgressBar } from '../widgets/progress_bar.tsx';

interface LabWorkProps {
  /** "Replaying every policy at every size" */
  readonly task: string;
  readonly progress: Progress | undefined;
  /** The button that cancels. */
  readonly children: ReactNode;
}

/** Long work before a first answer: what is done, what of it just now, how far, for how long, and the way out. */
export function LabWork({ task, progress, children }: LabWorkProps) {
  return (
    <div className="empty" role="status">
      <p>{task}</p>
      <ProgressBar label={task} fraction={progress?.fraction} />
      <p className="hint">
        {progress?.text ?? 'Preparing'} · <Elapsed />
      </p>
      {children}
    </div>
  );
}

/** Seconds since it was mounted, written past React and not read out. */
function Elapsed() {
  const text = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const fromMs = performance.now();
    const write = () => {
      if (text.current !== null) text.current.textContent = spanText(performance.now() - fromMs);
    };
    write();
    const timer = setInterval(write, 1000);
    return () => clearInterval(timer);
  }, []);
  return <span ref={text} aria-hidden />;
}
