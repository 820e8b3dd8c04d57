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

const ruler = document.createElement('canvas').getContext('2d');
const widths = new Map<string, number>();
const MOST_WIDTHS = 2000;

/** Width of a text as charts write it (11 px), CSS pixels. */
export function textWidth(text: string, font: string): number {
  const key = `${font}|${text}`;
  const known = widths.get(key);
  if (known !== undefined || ruler === null) return known ?? text.length * 6;
  ruler.font = `11px ${font}`;
  const { width } = ruler.measureText(text);
  if (widths.size > MOST_WIDTHS) widths.clear();
  widths.set(key, width);
  return width;
}
