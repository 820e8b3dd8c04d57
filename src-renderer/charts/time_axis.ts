import { spanText } from '../format/time.ts';
import type { Span, TimeWindow } from '../stores/buckets.ts';

export const SPANS: readonly { readonly span: Span; readonly label: string; readonly words: string }[] = [
  { span: 15_000, label: '15 s', words: 'the last 15 seconds' },
  { span: 60_000, label: '60 s', words: 'the last 60 seconds' },
  { span: 300_000, label: '5 min', words: 'the last 5 minutes' },
  { span: 'all', label: 'All', words: 'the whole run' },
];

/** Of the interface face at 11 px, on the safe side. */
const LETTER_PX = 6;

/** Texts below a time chart: its start, its middle and its end; a long end ("engine gone at step 742") takes the middle's place. */
export function timeTicks(
  window: TimeWindow,
  width: number,
  now: string,
): readonly { readonly x: number; readonly text: string }[] {
  const spanMs = window.toMs - window.fromMs;
  const half = `-${spanText(spanMs / 2)}`;
  const isFree = width / 2 + (half.length / 2 + now.length + 1) * LETTER_PX < width;
  return [
    { x: 0, text: `-${spanText(spanMs)}` },
    ...(isFree ? [{ x: width / 2, text: half }] : []),
    { x: width, text: now },
  ];
}
