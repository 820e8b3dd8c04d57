import { spanText } from '../format/time.ts';
import type { Span, TimeWindow } from '../stores/buckets.ts';

export const SPANS: readonly { readonly span: Span; readonly label: string; readonly words: string }[] = [
  { span: 15_000, label: '15 s', words: 'the last 15 seconds' },
  { span: 60_000, label: '60 s', words: 'the last 60 seconds' },
  { span: 300_000, label: '5 min', words: 'the last 5 minutes' },
  { span: 'all', label: 'All', words: 'the whole run' },
];

/** Texts below a time chart: its start, its middle and its end. */
export function timeTicks(
  window: TimeWindow,
  width: number,
  now: string,
): readonly { readonly x: number; readonly text: string }[] {
  const spanMs = window.toMs - window.fromMs;
  return [
    { x: 0, text: `-${spanText(spanMs)}` },
    { x: width / 2, text: `-${spanText(spanMs / 2)}` },
    { x: width, text: now },
  ];
}
