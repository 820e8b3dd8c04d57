import type { Figure } from './bench.ts';

/** id, value, unit, how, comparison, detail: columns that line up for reading and split for scripts. */
export function figureLine({ id, value, unit, how, versus, detail }: Figure): string {
  const line = [
    id.padEnd(31),
    `${threeDigits(value)} ${unit}`.padEnd(24),
    how.padEnd(9),
    (versus === undefined ? '-' : comparison(versus)).padEnd(36),
    detail ?? '',
  ];
  return line.join(' ').trimEnd();
}

function comparison(versus: NonNullable<Figure['versus']>): string {
  if ('goal' in versus) return `goal ${versus.goal}: ${versus.met ? 'met' : 'missed'}`;
  return `${versus.ratio.toPrecision(3)} x ${versus.baseline}`;
}

/** At least three digits that mean something, all digits before the point. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return value.toFixed(3);
}
