import type { ModelSummary } from '../../../engine/protocol/model.ts';
import type { ChartTheme } from '../../charts/chart_theme.ts';
import type { CustomSeriesOption } from '../../charts/echarts.ts';
import { hasBothStacks, layerTick } from '../../format/layer_names.ts';

export type MoeLayers = ModelSummary['moeLayers'];

export interface LayerBar {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  readonly text: string;
}

/** Room between encoder and decoder, in layers. */
const STACK_GAP = 0.8;

/** Width of a layer's place from which every bar has its number, and its tick; below it only the highest bar has a number. */
const LABELLED_PX = 22;
const TICKED_PX = 18;

/** Room that the first tick of a stack needs to be called by its stack ("decoder 0", "layer 0"). */
const NAMED_PX = 64;

/** Half the width of a number above a bar. */
const LABEL_REACH_PX = 14;

/** Length of the layer axis, in layers. */
export const extent = (layers: MoeLayers): number =>
  Math.max(1, layers.length + (hasBothStacks(layers) ? STACK_GAP : 0));

/** Left end of a layer's place on that axis. */
export function place(layers: MoeLayers, index: number): number {
  return index + (hasBothStacks(layers) && layers[index]?.stack === 'decoder' ? STACK_GAP : 0);
}

/** Bars with their spread and number. The item index is the layer; all geometry is made here, ECharts only maps values. */
export function barSeries(
  theme: ChartTheme,
  colour: string,
  layers: MoeLayers,
  bars: readonly LayerBar[],
  perLayer: number,
): CustomSeriesOption {
  const highest = bars.reduce((best, bar, index) => (bar.value > (bars[best]?.value ?? 0) ? index : best), 0);
  const width = Math.max(1, Math.min(48, perLayer * (perLayer < 8 ? 0.8 : 0.66)));
  const reach = Math.ceil(LABEL_REACH_PX / perLayer);
  return {
    id: 'bars',
    type: 'custom',
    silent: true,
    data: bars.map((_, index) => [index]),
    renderItem: (_params, api) => {
      const index = Number(api.value(0));
      const bar = bars[index];
      if (bar === undefined) return null;
      const [x = 0, top = 0] = api.coord([place(layers, index) + 0.5, bar.value]);
      const yOf = (value: number) => api.coord([0, value])[1] ?? top;
      // Above the whiskers of the neighbours that the number reaches over, too.
      const tallest = Math.max(...bars.slice(Math.max(0, index - reach), index + reach + 1).map(topOf));
      const children = [
        {
          type: 'rect' as const,
          shape: {
            x: x - width / 2,
            y: top,
            width,
            height: Math.max(0, yOf(0) - top),
            r: width > 6 ? [2, 2, 0, 0] : 0,
          },
          style: { fill: colour, opacity: index === highest ? 1 : 0.68 },
        },
      ];
      const whisker = {
        type: 'line' as const,
        shape: { x1: x, x2: x, y1: yOf(topOf(bar)), y2: yOf(bar.low ?? bar.value) },
        style: { stroke: theme.text, lineWidth: perLayer < 8 ? 1 : 1.4 },
      };
      const number = {
        type: 'text' as const,
        style: {
          text: bar.text,
          x,
          y: yOf(perLayer >= LABELLED_PX ? topOf(bar) : tallest) - 4,
          fill: index === highest ? theme.text : theme.dim,
          font: `11px ${theme.font}`,
          align: 'center' as const,
          verticalAlign: 'bottom' as const,
        },
      };
      const hasNumber = perLayer >= LABELLED_PX || (index === highest && bar.value > 0);
      return {
        type: 'group',
        children: [...children, ...(bar.high === undefined ? [] : [whisker]), ...(hasNumber ? [number] : [])],
      };
    },
  };
}

const topOf = (bar: LayerBar): number => bar.high ?? bar.value;

/** Layer numbers below the bars: all where there is room, otherwise every second, fifth, tenth, and the start of each stack. */
export function tickSeries(theme: ChartTheme, layers: MoeLayers, perLayer: number, base: number): CustomSeriesOption {
  const every = [1, 2, 5, 10, 20].find((n) => n * perLayer >= TICKED_PX) ?? 50;
  const ticks = layers.flatMap((layer, index) => {
    const isStart = index === 0 || layers[index - 1]?.stack !== layer.stack;
    if (!isStart && layer.block % every !== 0) return [];
    const name = hasBothStacks(layers) ? layer.stack : 'layer';
    const isNamed = isStart && (hasBothStacks(layers) || every * perLayer >= NAMED_PX);
    return [{ index, isNamed, text: isNamed ? `${name} ${layer.block}` : layerTick(layers, index) }];
  });
  // The name of a stack may need the place of the ticks that follow it.
  const shown = ticks.filter(({ index }) => {
    const before = ticks.filter((tick) => tick.index < index && tick.isNamed).at(-1);
    return before === undefined || (place(layers, index) - place(layers, before.index)) * perLayer >= NAMED_PX;
  });
  return {
    id: 'ticks',
    type: 'custom',
    silent: true,
    clip: false,
    data: shown.map((_, index) => [index]),
    renderItem: (_params, api) => {
      const tick = shown[Number(api.value(0))];
      if (tick === undefined) return null;
      const [x = 0, y = 0] = api.coord([place(layers, tick.index) + 0.5, base]);
      const isLeft = tick.isNamed && hasBothStacks(layers) && perLayer < NAMED_PX;
      return {
        type: 'text',
        style: {
          text: tick.text,
          x: isLeft ? x - Math.min(6, perLayer / 2) : x,
          y: y + 7,
          fill: theme.axis,
          font: `11px ${theme.font}`,
          align: isLeft ? 'left' : 'center',
          verticalAlign: 'top',
        },
      };
    },
  };
}
