import { animationFrames } from './animation_frames.ts';
import { type ChartTheme, onThemeChange, readChartTheme } from './chart_theme.ts';
import { type Chart, type ChartOption, createChart, type PixelSize } from './echarts.ts';

export interface ChartSpec {
  /** Key of this chart's cost in `paintStats`. */
  readonly name: string;
  /** Most repaints a second. */
  readonly paintsPerSecond: number;
  /** Axes and series without data; set when the chart is made and when the theme changes. Every series has an id. */
  skeleton(theme: ChartTheme): ChartOption;
  /** Gives the chart its data. Called only while the chart is on screen. */
  paint(chart: Chart, size: PixelSize, theme: ChartTheme): void;
}

export interface MountedChart {
  /** Data changed: repaint when due. */
  markDirty(): void;
  /** The skeleton changed. */
  rebuild(): void;
  dispose(): void;
}

/**
 * Keeps an ECharts instance in `element`: made once the element has a size, resized with it, recoloured with the theme, painted
 * by the scheduler. Paints are synchronous (`lazyUpdate` off): within our own animation frame that costs one frame instead of two,
 * and the scheduler sees what the paint really took.
 */
export function mountChart(element: HTMLElement, spec: ChartSpec): MountedChart {
  let chart: Chart | undefined;
  let size: PixelSize = { width: 0, height: 0 };
  let theme = readChartTheme();
  let onScreen = true;

  const paint = animationFrames.add({
    name: spec.name,
    stage: 'paint',
    minIntervalMs: 1000 / spec.paintsPerSecond,
    isVisible: () => onScreen && chart !== undefined,
    run: () => {
      if (chart !== undefined) spec.paint(chart, size, theme);
    },
  });
  const fit = animationFrames.add({
    name: 'chart resize',
    stage: 'state',
    minIntervalMs: 0,
    run: () => {
      const next = { width: element.clientWidth, height: element.clientHeight };
      if (next.width === 0 || next.height === 0) return;
      size = next;
      if (chart === undefined) {
        chart = createChart(element, size);
        chart.setOption(spec.skeleton(theme));
      } else {
        chart.resize(size);
        // At once: until its turn came, the axis texts over the canvas would stand where the smaller or larger plot had them.
        if (onScreen) spec.paint(chart, size, theme);
      }
      paint.markDirty();
    },
  });
  const rebuild = () => {
    theme = readChartTheme();
    chart?.setOption(spec.skeleton(theme));
    paint.markDirty();
  };

  const resizes = new ResizeObserver(() => fit.markDirty());
  resizes.observe(element);
  const views = new IntersectionObserver(([entry]) => {
    onScreen = entry?.isIntersecting ?? true;
    if (onScreen) paint.markDirty();
  });
  views.observe(element);
  const stopTheme = onThemeChange(rebuild);

  return {
    markDirty: paint.markDirty,
    rebuild,
    dispose() {
      resizes.disconnect();
      views.disconnect();
      stopTheme();
      paint.dispose();
      fit.dispose();
      // Not at once: a paint that ECharts queued itself fails on a disposed chart.
      const disposed = chart;
      chart = undefined;
      if (disposed !== undefined) animationFrames.nextFrame(() => disposed.dispose());
    },
  };
}
