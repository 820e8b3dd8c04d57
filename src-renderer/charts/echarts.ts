import { CustomChart, type CustomSeriesOption, LineChart, type LineSeriesOption } from 'echarts/charts';
import { GridComponent, type GridComponentOption } from 'echarts/components';
import { type ComposeOption, type EChartsType, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

// Everything of ECharts that the window uses; a part that is not listed here is not in the bundle.
// Tooltip, legend, axis pointer, mark lines and aria are left out: labels, marks, cursors and descriptions are DOM elements over
// the canvas (plot_overlay.ts), which follow the theme by CSS and never make a chart repaint.
use([LineChart, CustomChart, GridComponent, CanvasRenderer]);

export type ChartOption = ComposeOption<LineSeriesOption | CustomSeriesOption | GridComponentOption>;
export type Chart = EChartsType;
export type { CustomSeriesOption, LineSeriesOption };

export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

export function createChart(element: HTMLElement, size: PixelSize): Chart {
  return init(element, undefined, { renderer: 'canvas', ...size });
}
