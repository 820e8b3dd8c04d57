import { fixed } from './format.ts';
import type { Markup } from './markup.ts';
import type { ReportData } from './report_data.ts';
import type { Axis } from './svg/plot.ts';
import { roundUp, tickStep } from './svg/scale.ts';
import type { TimeMark } from './svg/time_chart.ts';

/** What a panel is, and what several of them need. */

export interface Panel {
  readonly title: string;
  readonly sub: string;
  readonly origin: 'measured' | 'replayed' | 'replayed and measured';
  readonly figure: string;
  readonly unit: string;
  readonly chart: Markup;
  readonly says: string;
}

export const percentLabel = (share: number) => fixed(share * 100, 0);

/** From 0 to a round number at or over `max`. */
export function axisTo(max: number, most: number, label: (value: number) => string): Axis {
  const step = tickStep(max || 1, most);
  return { min: 0, max: roundUp(max || 1, step), step, label };
}

/** Numbered as in the table of settings; what the run began with needs no line. */
export function timeMarks(marks: ReportData['marks']): TimeMark[] {
  return marks.map(({ atMs, label }, index) => ({ atMs, label, number: String(index + 1) })).slice(1);
}

export function extremes(values: readonly number[]): { most: number; least: number } {
  let most = 0;
  let least = 0;
  for (const [index, value] of values.entries()) {
    if (value > (values[most] ?? 0)) most = index;
    if (value < (values[least] ?? 0)) least = index;
  }
  return { most, least };
}
