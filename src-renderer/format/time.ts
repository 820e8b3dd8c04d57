import { fixed, type Scaled, tile } from './numbers.ts';

/** A duration with the unit that suits it: 412 µs, 1.24 ms, 2.50 s. */
export function scaleMs(ms: number): Scaled {
  const size = Math.abs(ms);
  if (size > 0 && size < 0.9995) return { value: fixed(ms * 1000, size < 0.0995 ? 1 : 0), unit: 'µs' };
  if (size < 999.5) return { value: tile(ms), unit: 'ms' };
  return { value: tile(ms / 1000), unit: 's' };
}

export function msText(ms: number): string {
  if (ms === 0) return '0 ms';
  const { value, unit } = scaleMs(ms);
  return `${value} ${unit}`;
}

/** A span in words for axes and sentences: 45 s, 60 s, 5 min, 2 min 30 s, 2 h 5 min. */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** How long ago, as the time axes write it: -12.3 s, -3:20. */
export function agoText(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  if (seconds < 60) return `-${fixed(seconds, 1)} s`;
  const whole = Math.round(seconds);
  return `-${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

const dates = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** A moment as lists write it, local time: 25 Nov, 21:03. */
export const dateText = (iso: string): string => dates.format(new Date(iso));
