import { useEffect, useRef } from 'react';
import type { ModelSummary } from '../../../engine/protocol/model.ts';
import { useStudio } from '../../app/context.tsx';
import { animationFrames } from '../../charts/animation_frames.ts';
import { type AxisScale, steadyScale } from '../../charts/axis_scale.ts';
import type { ChartTheme } from '../../charts/chart_theme.ts';
import type { ChartOption, CustomSeriesOption } from '../../charts/echarts.ts';
import { gridOption, type PlotArea, type PlotMargins, plotArea } from '../../charts/plot_area.ts';
import { useChart } from '../../charts/use_chart.ts';
import { hasBothStacks, layerName, layerTick } from './layer_names.ts';
import { useLive, useRunNotes } from './live_context.ts';
import type { LiveStats } from './live_stats.ts';
import { togglePin } from './time_chart.tsx';

const PAINTS_PER_SECOND = 4;

/** Room between encoder and decoder, in layers. */
const STACK_GAP = 0.8;

/** Width of a layer's place from which every bar has its number, and its tick. */
const LABELLED_PX = 22;
const TICKED_PX = 18;

export interface LayerBar {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  readonly text: string;
}

export interface LayerBarsProps {
  readonly name: string;
  readonly label: string;
  readonly margins: PlotMargins;
  colour(theme: ChartTheme): string;
  bars(stats: LiveStats): readonly LayerBar[];
  scale(bars: readonly LayerBar[]): AxisScale;
  formatValue(value: number): string;
  /** What the cursor says of a layer. */
  readLayer(stats: LiveStats, layer: number): string;
  /** Draws no value axis: the bars' own numbers are enough. */
  readonly bare?: boolean;
}

type MoeLayers = ModelSummary['moeLayers'];

const NO_LAYERS: MoeLayers = [];

/** One bar per MoE layer, the highest emphasised, with the shared layer cursor. */
export function LayerBars(props: LayerBarsProps) {
  const { name, label, margins, bare = false } = props;
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
    skeleton: (theme) => skeleton(theme, margins, bare, props.formatValue),
    paint(echart, size, theme) {
      area.current = plotArea(size, margins);
      const moeLayers = layers();
      const bars = feed.stats === undefined ? [] : props.bars(feed.stats);
      scale.current = steadyScale(scale.current, props.scale(bars));
      const perLayer = area.current.width / extent(moeLayers);
      echart.setOption(
        {
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

const extent = (layers: MoeLayers): number => Math.max(1, layers.length + (hasBothStacks(layers) ? STACK_GAP : 0));

/** Left end of a layer's place. */
function place(layers: MoeLayers, index: number): number {
  return index + (hasBothStacks(layers) && layers[index]?.stack === 'decoder' ? STACK_GAP : 0);
}

function skeleton(
  theme: ChartTheme,
  margins: PlotMargins,
  bare: boolean,
  format: (value: number) => string,
): ChartOption {
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 11 },
    grid: gridOption(margins),
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

/** Bars with their spread and number. The item index is the layer; all geometry is made here, ECharts only maps values. */
function barSeries(
  theme: ChartTheme,
  colour: string,
  layers: MoeLayers,
  bars: readonly LayerBar[],
  perLayer: number,
): CustomSeriesOption {
  const highest = bars.reduce((best, bar, index) => (bar.value > (bars[best]?.value ?? 0) ? index : best), 0);
  const lowest = bars.reduce((best, bar, index) => (bar.value < (bars[best]?.value ?? 0) ? index : best), 0);
  const width = Math.max(1, Math.min(48, perLayer * (perLayer < 8 ? 0.8 : 0.66)));
  return {
    id: 'bars',
    type: 'custom',
    silent: true,
    data: bars.map((_, index) => [index]),
    renderItem: (_params, api) => {
      const index = Number(api.value(0));
      const bar = bars[index];
      if (bar === undefined) return null;
      const point = (value: number) => api.coord([place(layers, index) + 0.5, value]);
      const [x = 0, top = 0] = point(bar.value);
      const [, bottom = 0] = point(0);
      const [, highY = top] = point(bar.high ?? bar.value);
      const [, lowY = top] = point(bar.low ?? bar.value);
      const hasLabel = perLayer >= LABELLED_PX || index === highest || (index === lowest && lowest !== highest);
      return {
        type: 'group',
        children: [
          {
            type: 'rect',
            shape: {
              x: x - width / 2,
              y: top,
              width,
              height: Math.max(0, bottom - top),
              r: width > 6 ? [2, 2, 0, 0] : 0,
            },
            style: { fill: colour, opacity: index === highest ? 1 : 0.68 },
          },
          ...(bar.high === undefined
            ? []
            : [
                {
                  type: 'line' as const,
                  shape: { x1: x, x2: x, y1: highY, y2: lowY },
                  style: { stroke: theme.text, lineWidth: perLayer < 8 ? 1 : 1.4 },
                },
              ]),
          ...(hasLabel
            ? [
                {
                  type: 'text' as const,
                  style: {
                    text: bar.text,
                    x,
                    y: highY - 4,
                    fill: index === highest ? theme.text : theme.dim,
                    font: `11px ${theme.font}`,
                    align: 'center' as const,
                    verticalAlign: 'bottom' as const,
                  },
                },
              ]
            : []),
        ],
      };
    },
  };
}

/** Layer numbers below the bars: all where there is room, otherwise every fifth or tenth and the ends of each stack. */
function tickSeries(theme: ChartTheme, layers: MoeLayers, perLayer: number, base: number): CustomSeriesOption {
  const every = [1, 2, 5, 10, 20].find((n) => n * perLayer >= TICKED_PX) ?? 50;
  const ticks = layers.flatMap((layer, index) => {
    const isStart = index === 0 || layers[index - 1]?.stack !== layer.stack;
    const text = isStart && hasBothStacks(layers) ? `${layer.stack} ${layer.block}` : layerTick(layers, index);
    return layer.block % every === 0 || isStart ? [{ index, text, isStart }] : [];
  });
  return {
    id: 'ticks',
    type: 'custom',
    silent: true,
    clip: false,
    data: ticks.map((_, index) => [index]),
    renderItem: (_params, api) => {
      const tick = ticks[Number(api.value(0))];
      if (tick === undefined) return null;
      const [x = 0, y = 0] = api.coord([place(layers, tick.index) + 0.5, base]);
      const isNamed = tick.isStart && hasBothStacks(layers);
      return {
        type: 'text',
        style: {
          text: tick.text,
          x: isNamed ? x - Math.min(6, perLayer / 2) : x,
          y: y + 7,
          fill: theme.axis,
          font: `11px ${theme.font}`,
          align: isNamed ? 'left' : 'center',
          verticalAlign: 'top',
        },
      };
    },
  };
}
