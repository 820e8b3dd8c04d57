/**
 * Every number that a person reads goes through `format/`. Fixed locale: the decimal point is the same on every machine, so a
 * screenshot, a report and a bug text compare. `Intl.NumberFormat` objects are kept: making one costs more than using it.
 */
const LOCALE = 'en';
const MINUS_NOTHING = /^-0(\.0*)?$/;

const byDecimals = new Map<number, Intl.NumberFormat>();

/** With thousands separators and exactly `decimals` decimals: digits stay in place while the value moves. */
export function fixed(value: number, decimals: number): string {
  let format = byDecimals.get(decimals);
  if (format === undefined) {
    format = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    byDecimals.set(decimals, format);
  }
  const text = format.format(value);
  return MINUS_NOTHING.test(text) ? text.slice(1) : text;
}

/** A whole number with thousands separators: 1,284. */
export const count = (value: number): string => fixed(value, 0);

/**
 * Decimals that leave three significant digits: 71.4, 0.56 (not 0.560: two decimals at most), 1,412.
 * Tiles use it; tooltips and exports show the whole value.
 */
export function decimalsFor(value: number): 0 | 1 | 2 {
  const size = Math.abs(value);
  if (size >= 99.95) return 0;
  return size >= 9.995 ? 1 : 2;
}

export const tile = (value: number): string => fixed(value, decimalsFor(value));

/** Tokens a second: whole, and with a decimal below 10, where large models on small machines live: 1,284, 61, 4.6, 0.38. */
export const speed = (tokensPerSecond: number): string => {
  const size = Math.abs(tokensPerSecond);
  return fixed(tokensPerSecond, size >= 9.95 || size === 0 ? 0 : size >= 0.995 ? 1 : 2);
};

/** Three significant digits without idle zeros, for sentences: 12.8, 64, 1.5. */
export const plain = (value: number): string => tile(value).replace(/\.0+$|(\.\d)0$/, '$1');

/** A share 0..1 in percent with one decimal: 91.7. The unit stands beside it. */
export const percent = (share: number): string => fixed(share * 100, 1);

/** A share 0..1 in a sentence: 91.7%, no decimal where there is none to tell (50%), and something is never nothing (<0.1%). */
export function percentText(share: number): string {
  if (share > 0 && share < 0.0005) return '<0.1%';
  const text = percent(share);
  return `${text.endsWith('.0') ? text.slice(0, -2) : text}%`;
}

export interface Scaled {
  readonly value: string;
  readonly unit: string;
}

/** A whole number as short as an axis wants it: 850, 4k, 12.5k, 1.2M. */
export function shortCount(value: number): string {
  const size = Math.abs(value);
  if (size < 1000) return count(value);
  const [unit, per] = size < 1_000_000 ? (['k', 1000] as const) : (['M', 1_000_000] as const);
  return `${fixed(value / per, 1).replace(/\.0$/, '')}${unit}`;
}
