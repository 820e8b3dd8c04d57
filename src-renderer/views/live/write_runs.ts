import type { TextRun } from './text_runs.ts';

/** Writes runs as text nodes and spans; never as HTML, for a model may write anything. */
export function writeRuns(parent: HTMLElement, runs: readonly TextRun[]): void {
  parent.replaceChildren(
    ...runs.map(({ look, text }) => {
      const span = document.createElement('span');
      span.className = `live-run-${look}`;
      span.textContent = text;
      return span;
    }),
  );
}
