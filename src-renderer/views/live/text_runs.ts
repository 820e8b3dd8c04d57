import type { SequenceText } from '../../stores/text_log.ts';

/** Text with one look: neighbours of the same look are one run, so that a line is a handful of nodes and not one per token. */
export interface TextRun {
  readonly look: 'prompt' | 'plain' | 'waited';
  readonly text: string;
}

/** The last `most` characters of a sequence, prompt included, as runs. Line ends are shown as signs where `oneLine`. */
export function tailRuns(entry: SequenceText, most: number, oneLine: boolean): readonly TextRun[] {
  const runs: { look: TextRun['look']; text: string }[] = [];
  let room = most;
  const prepend = (look: TextRun['look'], raw: string) => {
    if (room === 0 || raw === '') return;
    const text = (oneLine ? onOneLine(raw) : raw).slice(-room);
    room -= text.length;
    const first = runs[0];
    if (first?.look === look) first.text = text + first.text;
    else runs.unshift({ look, text });
  };
  for (let i = entry.pieces.length - 1; i >= 0 && room > 0; i--) {
    const piece = entry.pieces[i];
    if (piece === undefined) continue;
    // The tint marks the word, not the space that its token begins or ends with.
    const [, before = '', word = '', after = ''] = /^(\s*)(.*?)(\s*)$/s.exec(piece.text) ?? [];
    prepend('plain', after);
    prepend(piece.waited ? 'waited' : 'plain', word);
    prepend('plain', before);
  }
  if (entry.isSource && entry.prompt !== '') prepend('prompt', oneLine ? ' → ' : '\n\n→ ');
  if (room > 0) prepend('prompt', entry.prompt);
  return runs;
}

const onOneLine = (text: string): string => text.replaceAll(/\r?\n/g, '↵').replaceAll('\t', ' ');
