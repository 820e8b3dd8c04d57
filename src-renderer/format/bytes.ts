import { fixed, type Scaled, tile } from './numbers.ts';

/** Memory is counted in IEC units everywhere (1 MiB = 2^20 bytes), also in axis names. */
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
export type ByteUnit = (typeof UNITS)[number];

/** Largest unit that keeps the value at 1 or more; of several values, choose it by the largest and keep it for all. */
export function byteUnit(bytes: number): ByteUnit {
  let index = 0;
  for (let size = Math.abs(bytes); size >= 1024 && index < UNITS.length - 1; size /= 1024) index++;
  return UNITS[index] ?? 'B';
}

export const bytesPer = (unit: ByteUnit): number => 1024 ** UNITS.indexOf(unit);

export function scaleBytes(bytes: number, unit: ByteUnit = byteUnit(bytes)): Scaled {
  const value = bytes / bytesPer(unit);
  return { value: unit === 'B' ? fixed(value, 0) : tile(value), unit };
}

/** 71.4 MiB, for sentences and tables. */
export function bytesText(bytes: number): string {
  const { value, unit } = scaleBytes(bytes);
  return `${value.replace(/\.0+$/, '')} ${unit}`;
}
