import { useEffect, useRef } from 'react';
import { useStudio } from '../../app/context.tsx';
import { animationFrames } from '../../charts/animation_frames.ts';
import type { AxisScale } from '../../charts/axis_scale.ts';
import type { ChartTheme } from '../../charts/chart_theme.ts';
import type { ChartOption, PixelSize } from '../../charts/echarts.ts';
import { gridOption, type PlotArea, type PlotMargins, plotArea } from '../../charts/plot_area.ts';
import { useChart } from '../../charts/use_chart.ts';
import { layerName } from '../../format/layer_names.ts';
import { barSeries, extent, type LayerBar, type MoeLayers, place, tickSeries } from './layer_series.ts';
import { useLive, useRunNotes } from './live_context.ts';
import type { LiveStats } from './live_stats.ts';
import { togglePin } from './step_cursor.ts';

const PAINTS_PER_SECOND = 4;

export interface LayerBarsProps {
  readonly name: string;
  readonly label: string;
  margins(size: PixelSize): PlotMargins;
  colour(theme: ChartTheme): string;
  bars(stats: LiveStats): readonly LayerBar[];
  /** `shown` is the scale of the last paint. */
  scale(bars: readonly LayerBar[], shown: AxisScale | undefined): AxisScale;
  formatValue(value: number): string;
  /** What the cursor says of a layer. */
  readLayer(stats: LiveStats, layer: number): string;
  /** Draws no value axis: the bars' own numbers are enough. */
  readonly bare?: boolean;
}

const NO_LAYERS: MoeLayers = [];

/** One bar per MoE layer, the highest emphasised, with the shared layer cursor. */
export function LayerBars(props: LayerBarsProps) {
  const { name, label, bare = false } = props;
  const { session, selection } = useStudio();
  const { feed } = useLive();
  const notes = useRunNotes();
  const plotElement = useRef<HTMLDivElement>(null);
  const emptyElement = useRef<HTMLDivElement>(null);
  const bandElement = useRef<HTMLDivElement>(null);
  const area = useRef<PlotArea>(undefined);
  const scale = useRef<AxisScale>(undefined);
  const layers = () => session.getState().snapshot.model?.moeLayers ?? NO_LAYERS;

  const { element, chart } = useChart({
    name,
    paintsPerSecond: PAINTS_PER_SECOND,
    skeleton: (theme) => skeleton(theme, bare, props.formatValue),
    paint(echart, size, theme) {
      const margins = props.margins(size);
      area.current = plotArea(size, margins);
      const moeLayers = layers();
      const bars = feed.stats === undefined ? [] : props.bars(feed.stats);
      scale.current = props.scale(bars, scale.current);
      const perLayer = area.current.width / extent(moeLayers);
      echart.setOption(
        {
          grid: gridOption(margins),
          xAxis: { min: 0, max: extent(moeLayers) },
          yAxis: { ...scale.current },
          series: [
            barSeries(theme, props.colour(theme), moeLayers, bars, perLayer),
            tickSeries(theme, moeLayers, perLayer, scale.current.min),
          ],
        },
        { silent: true },
      );
      const reason = notes.empty();
      if (emptyElement.current !== null) {
        emptyElement.current.hidden = reason === undefined || bare;
        emptyElement.current.textContent = reason ?? '';
      }
      moveBand.current();
    },
  });

  const moveBand = useRef(() => {});
  moveBand.current = () => {
    const band = bandElement.current;
    const plot = plotElement.current;
    if (band === null || plot === null || area.current === undefined) return;
    const { hover, pinned } = selection.getState();
    const layer = hover.layer ?? pinned?.layer;
    const moeLayers = layers();
    band.hidden = layer === undefined || layer >= moeLayers.length;
    if (layer === undefined || feed.stats === undefined) return;
    const perLayer = area.current.width / extent(moeLayers);
    const left = area.current.left + place(moeLayers, layer) * perLayer;
    band.style.transform = `translate(${Math.round(left)}px, ${area.current.top}px)`;
    band.style.width = `${Math.max(2, Math.round(perLayer))}px`;
    band.style.height = `${area.current.height}px`;
    if (document.activeElement !== plot) return;
    plot.setAttribute('aria-valuemax', String(moeLayers.length - 1));
    plot.setAttribute('aria-valuenow', String(layer));
    plot.setAttribute('aria-valuetext', `${layerName(moeLayers, layer)}: ${props.readLayer(feed.stats, layer)}`);
  };

  useEffect(() => chart.current?.markDirty());

  useEffect(() => {
    const cursor = animationFrames.add({
      name: 'cursor',
      stage: 'paint',
      minIntervalMs: 0,
      run: () => moveBand.current(),
    });
    const stops = [
      feed.subscribe(() => chart.current?.markDirty()),
      selection.subscribe(cursor.markDirty),
      cursor.dispose,
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [feed, selection, chart]);

  const point = (pixel: number) => {
    if (area.current === undefined) return;
    const at = ((pixel - area.current.left) / area.current.width) * extent(layers());
    const layer = layers().findIndex((_, index) => at >= place(layers(), index) && at < place(layers(), index) + 1);
    selection.getState().setHover(layer < 0 ? {} : { layer });
  };

  return (
    <div
      ref={plotElement}
      className="plot"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={0}
      aria-valuenow={0}
      onPointerMove={(event) => point(event.clientX - event.currentTarget.getBoundingClientRect().left)}
      onPointerLeave={() => selection.getState().setHover({})}
      onClick={() => togglePin(selection)}
      onFocus={() => moveBand.current()}
      onBlur={() => selection.getState().setHover({})}
      onKeyDown={(event) => {
        const { hover, pinned, setHover, pin } = selection.getState();
        const last = layers().length - 1;
        const current = hover.layer ?? pinned?.layer;
        if (event.key === 'Enter') togglePin(selection);
        else if (event.key === 'Escape') {
          setHover({});
          pin(undefined);
        } else {
          const target = {
            ArrowLeft: (current ?? last + 1) - 1,
            ArrowRight: (current ?? -1) + 1,
            Home: 0,
            End: last,
          }[event.key];
          if (target === undefined || last < 0) return;
          setHover({ layer: Math.min(last, Math.max(0, target)) });
        }
        event.preventDefault();
      }}
    >
      <div ref={element} className="plot-canvas" />
      <div className="plot-overlay" aria-hidden>
        <div ref={bandElement} className="plot-band" hidden />
      </div>
      <div ref={emptyElement} className="plot-empty" hidden />
    </div>
  );
}

function skeleton(theme: ChartTheme, bare: boolean, format: (value: number) => string): ChartOption {
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 11 },
    grid: { outerBoundsMode: 'none' },
    xAxis: { type: 'value', show: false, min: 0, max: 1 },
    yAxis: {
      type: 'value',
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { show: !bare, color: theme.axis, fontSize: 11, margin: 7, formatter: format },
      splitLine: { show: !bare, lineStyle: { color: theme.grid } },
    },
    series: [],
  };
}
