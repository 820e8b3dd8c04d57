/** Numbers as the report writes them. One locale, so that reports from different machines compare; no value is a dash. */

const LOCALE = 'en';
const NONE = '–';
const formats = new Map<number, Intl.NumberFormat>();

export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return NONE;
  let format = formats.get(decimals);
  if (format === undefined) {
    format = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(decimals, format);
  }
  return format.format(value);
}

/** 1,284 */
export const count = (value: number): string => fixed(value, 0);

/** Three significant digits: 71.4, 0.56, 1,412. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return fixed(value, 0);
  return fixed(value, size >= 9.995 ? 1 : 2);
}

/** As `figure`, without decimals that say nothing: 8, not 8.00. For sentences. */
export const shortFigure = (value: number): string => figure(value).replace(/\.0+$/, '');

/** A share 0..1 in percent, without the sign: 91.7. */
export const percent = (share: number): string => fixed(share * 100, 1);

export const MIB = 2 ** 20;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** 71.4 MiB */
export function bytesText(bytes: number): string {
  if (!Number.isFinite(bytes)) return NONE;
  let index = 0;
  let value = bytes;
  for (; Math.abs(value) >= 1023.5 && index < UNITS.length - 1; index++) value /= 1024;
  return `${index === 0 ? fixed(value, 0) : figure(value)} ${UNITS[index]}`;
}

/** In MiB, for columns. */
export const mebibytes = (bytes: number): string => figure(bytes / MIB);

/** 0.41 ms, 2.50 s */
export function msText(ms: number): string {
  if (!Number.isFinite(ms)) return NONE;
  if (ms !== 0 && ms < 0.9995) return `${fixed(ms * 1000, 0)} µs`;
  return ms < 999.5 ? `${figure(ms)} ms` : `${figure(ms / 1000)} s`;
}

/** 45 s, 2 min 30 s, 2 h 5 min */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 10) return `${fixed(ms / 1000, 1)} s`;
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 1 step, 1,284 steps */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** 2026-01-02 03:04 UTC, from ISO 8601; the text as it is where it is no date. */
export function dateText(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
