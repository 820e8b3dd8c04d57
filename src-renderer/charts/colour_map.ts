/**
 * A sequential colour map made in OKLCH: lightness runs evenly from the surface to its opposite, hue from blue over green to
 * yellow, so that order survives colour blindness and print, and equal steps of a value look like equal steps.
 * Dark themes go from dark to light, light themes from light to dark: nothing always looks like the empty panel.
 */

export type ThemeName = 'dark' | 'light';

/** Entries of a colour table. */
export const COLOURS = 256;

interface Ramp {
  readonly lightness: readonly [number, number];
  readonly hue: readonly [number, number];
}

const RAMPS: Readonly<Record<ThemeName, Ramp>> = {
  dark: { lightness: [0.245, 0.94], hue: [268, 102] },
  light: { lightness: [0.965, 0.3], hue: [120, 268] },
};

const MOST_CHROMA = 0.135;

const tables = new Map<ThemeName, Uint32Array>();

/** Packed pixels [COLOURS] as `ImageData` holds them on little-endian machines (ABGR), from none to most. */
export function colourTable(theme: ThemeName): Uint32Array {
  const known = tables.get(theme);
  if (known !== undefined) return known;
  const table = new Uint32Array(COLOURS);
  for (let i = 0; i < COLOURS; i++) table[i] = packed(rampColour(theme, i / (COLOURS - 1)));
  tables.set(theme, table);
  return table;
}

/** Index into the table for a value between 0 and `max`. Whatever is above nothing differs from nothing. */
export function colourIndex(value: number, max: number): number {
  if (!(value > 0) || !(max > 0)) return 0;
  return Math.max(12, Math.min(COLOURS - 1, Math.round((value / max) * (COLOURS - 1))));
}

export type Rgb = readonly [number, number, number];

/** sRGB 0..255 at `t` = 0..1 of a theme's ramp. */
export function rampColour(theme: ThemeName, t: number): Rgb {
  const { lightness, hue } = RAMPS[theme];
  const mix = ([from, to]: readonly [number, number]) => from + t * (to - from);
  const depth = theme === 'dark' ? t : 1 - t;
  // Nothing is nearly grey; the middle is most colourful, where sRGB has room for it.
  const wanted = MOST_CHROMA * Math.sin(Math.PI * (0.12 + 0.72 * depth)) * (0.25 + 0.75 * Math.min(1, 3 * t));
  const angle = (mix(hue) * Math.PI) / 180;
  let chroma = wanted;
  for (let tries = 0; tries < 24; tries++) {
    const rgb = oklabToSrgb(mix(lightness), chroma * Math.cos(angle), chroma * Math.sin(angle));
    if (rgb.every((channel) => channel >= 0 && channel <= 1)) return to8Bit(rgb);
    chroma *= 0.93;
  }
  return to8Bit(oklabToSrgb(mix(lightness), 0, 0).map((channel) => Math.min(1, Math.max(0, channel))));
}

const to8Bit = (rgb: readonly number[]): Rgb => {
  const [r = 0, g = 0, b = 0] = rgb.map((channel) => Math.round(channel * 255));
  return [r, g, b];
};

/** Matrices of B. Ottosson, "A perceptual color space for image processing" (2020). */
function oklabToSrgb(lightness: number, a: number, b: number): readonly number[] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055));
}

export const packed = ([r, g, b]: Rgb): number => (255 << 24) | (b << 16) | (g << 8) | r;

/** A colour of the theme's CSS (`#rrggbb`) as a pixel. */
export function packedHex(hex: string): number {
  const value = Number.parseInt(hex.slice(1), 16);
  return packed([(value >> 16) & 255, (value >> 8) & 255, value & 255]);
}

/** The map as a CSS gradient, for a legend. */
export function rampGradient(theme: ThemeName): string {
  const stops = Array.from({ length: 9 }, (_, i) => `rgb(${rampColour(theme, i / 8).join(' ')})`);
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}
