import type { PixelSize } from './echarts.ts';

/** Room around the data, CSS pixels. Fixed, so that charts below each other share their time axis and overlays need no query. */
export interface PlotMargins {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface PlotArea {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export const plotArea = (size: PixelSize, margins: PlotMargins): PlotArea => ({
  left: margins.left,
  top: margins.top,
  width: Math.max(0, size.width - margins.left - margins.right),
  height: Math.max(0, size.height - margins.top - margins.bottom),
});

/** Grid of ECharts that is exactly the plot area. */
export const gridOption = (margins: PlotMargins) => ({ ...margins, outerBoundsMode: 'none' as const });

/** Below this width of a chart its labels at the right are shortened to names. */
const NARROW_PX = 420;

export const isNarrow = (size: PixelSize): boolean => size.width < NARROW_PX;

/** Left: an axis label; right: the labels where curves end. The same for all charts of a view, so that they line up. */
export const chartMargins = (size: PixelSize, top = 18, bottom = 22): PlotMargins => ({
  left: 36,
  right: isNarrow(size) ? 82 : 106,
  top,
  bottom,
});

const ruler = document.createElement('canvas').getContext('2d');
const widths = new Map<string, number>();
// Measured in the fallback face until the bundled one is there.
document.fonts.addEventListener('loadingdone', () => widths.clear());
const MOST_WIDTHS = 2000;

/** The overlay's digits are all of one width, the canvas cannot be asked for such: a little more is kept free. */
const TABULAR_PX = 3;

/** Width of a text as charts write it (11 px), CSS pixels. */
export function textWidth(text: string, font: string): number {
  const key = `${font}|${text}`;
  const known = widths.get(key);
  if (known !== undefined || ruler === null) return known ?? text.length * 6;
  ruler.font = `11px ${font}`;
  const width = Math.ceil(ruler.measureText(text).width) + TABULAR_PX;
  if (widths.size > MOST_WIDTHS) widths.clear();
  widths.set(key, width);
  return width;
}
