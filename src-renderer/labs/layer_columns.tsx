import './layer_columns.css';
import './plot_axes.css';
import { useMemo } from 'react';
import type { LabSubject } from '../../engine/protocol/labs.ts';
import { useSelection, useStudio } from '../app/context.tsx';
import { useSize } from '../charts/use_size.ts';
import { hasBothStacks, layerName } from '../format/layer_names.ts';
import { textWidth } from '../inspector/curve_layout.ts';
import { valueAxis } from './plot_scale.ts';

interface LayerColumnsProps {
  /** Says to those who do not see it what the columns show. */
  readonly label: string;
  /** Above the columns: quantity and unit. */
  readonly title: string;
  readonly layers: LabSubject['moeLayers'];
  readonly values: readonly number[];
  /** A CSS variable. */
  readonly colour: string;
  /** A level across all layers, dashed; `title` says what it is. */
  readonly reference?: number;
  readonly max?: number;
  readonly formatValue: (value: number) => string;
  /** What the cursor says of a layer. */
  readonly read: (layer: number) => string;
  /** Writes layer numbers below. */
  readonly hasTicks?: boolean;
  readonly onChoose?: (layer: number) => void;
}

/** Room between encoder and decoder, in layers. */
const STACK_GAP = 0.8;
const LEFT_PX = 40;
const RIGHT_PX = 10;
const TOP_PX = 20;
const TICKS_PX = 20;

/** One column a MoE layer, under the layer cursor that all charts share: hover points, a click pins, arrows move. */
export function LayerColumns(props: LayerColumnsProps) {
  const { label, layers, values, read, onChoose } = props;
  const { selection } = useStudio();
  const { element, size } = useSize<HTMLDivElement>();
  const layer = useSelection((s) => s.hover.layer ?? s.pinned?.layer);
  const geometry = useMemo(() => columnsGeometry(layers, size.width), [layers, size.width]);
  const known = layer !== undefined && layer < values.length ? layer : undefined;
  const point = (to: number | undefined) => selection.getState().setHover(to === undefined ? {} : { layer: to });
  const choose = (to: number) => (onChoose === undefined ? selection.getState().pin({ layer: to }) : onChoose(to));
  return (
    <div
      ref={element}
      className="plot layer-columns"
      role="slider"
      tabIndex={0}
      aria-label={`${label}. Arrow keys move between layers.`}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, values.length - 1)}
      aria-valuenow={known ?? 0}
      aria-valuetext={known === undefined ? 'no layer chosen' : read(known)}
      onPointerMove={(event) => point(geometry.at(event.clientX - event.currentTarget.getBoundingClientRect().left))}
      onPointerLeave={() => point(undefined)}
      onClick={() => {
        const { hover } = selection.getState();
        if (hover.layer !== undefined) choose(hover.layer);
      }}
      onBlur={() => point(undefined)}
      onKeyDown={(event) => {
        const last = values.length - 1;
        const from = known ?? -1;
        const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
        if (to !== undefined) point(Math.min(last, Math.max(0, to)));
        else if (event.key === 'Enter' && known !== undefined) choose(known);
        else return;
        event.preventDefault();
      }}
    >
      {size.width > 0 && (
        <svg width={size.width} height={size.height} aria-hidden>
          <Columns {...props} geometry={geometry} height={size.height} cursor={known} />
        </svg>
      )}
    </div>
  );
}

interface ColumnsGeometry {
  readonly perLayer: number;
  readonly right: number;
  left(layer: number): number;
  at(pixel: number): number | undefined;
}

function columnsGeometry(layers: LabSubject['moeLayers'], width: number): ColumnsGeometry {
  const both = hasBothStacks(layers);
  const extent = Math.max(1, layers.length + (both ? STACK_GAP : 0));
  const right = width - RIGHT_PX;
  const perLayer = Math.max(1, right - LEFT_PX) / extent;
  const left = (layer: number) =>
    LEFT_PX + (layer + (both && layers[layer]?.stack === 'decoder' ? STACK_GAP : 0)) * perLayer;
  return {
    perLayer,
    right,
    left,
    at(pixel) {
      const found = layers.findIndex((_, layer) => pixel >= left(layer) && pixel < left(layer) + perLayer);
      return found < 0 ? undefined : found;
    },
  };
}

interface ColumnsProps extends LayerColumnsProps {
  readonly geometry: ColumnsGeometry;
  readonly height: number;
  readonly cursor: number | undefined;
}

function Columns({ geometry, height, cursor, ...props }: ColumnsProps) {
  const { title, layers, values, colour, reference, formatValue, hasTicks = false } = props;
  const top = TOP_PX;
  const bottom = height - (hasTicks ? TICKS_PX : 4);
  const { max } = valueAxis(props.max ?? Math.max(0, reference ?? 0, ...values), 2);
  const y = (value: number) => bottom - (Math.min(value, max) / max) * Math.max(1, bottom - top);
  const { perLayer, left, right } = geometry;
  // What is read at the cursor matters more than the title that it meets.
  const hasRoom = cursor === undefined || textWidth(title) + textWidth(props.read(cursor)) + 12 < right - LEFT_PX;
  const width = Math.max(1, Math.min(32, perLayer * (perLayer < 8 ? 0.8 : 0.66)));
  return (
    <g>
      {hasRoom && (
        <text className="lp-tick" x={LEFT_PX} y={11}>
          {title}
        </text>
      )}
      {cursor !== undefined && (
        <text className="layer-columns-read" x={right} y={11} textAnchor="end">
          {props.read(cursor)}
        </text>
      )}
      {[0, max].map((tick) => (
        <g key={tick}>
          <line className="lp-grid" x1={LEFT_PX} x2={right} y1={y(tick)} y2={y(tick)} />
          <text className="lp-tick" x={LEFT_PX - 8} y={y(tick) + (tick === 0 ? 0 : 4)} textAnchor="end">
            {formatValue(tick)}
          </text>
        </g>
      ))}
      {cursor !== undefined && (
        <rect className="layer-columns-band" x={left(cursor)} y={top} width={perLayer} height={bottom - top} />
      )}
      {values.map((value, layer) => (
        <rect
          // biome-ignore lint/suspicious/noArrayIndexKey: a column is its layer
          key={layer}
          x={left(layer) + (perLayer - width) / 2}
          y={y(value)}
          width={width}
          height={Math.max(0, bottom - y(value))}
          rx={width > 6 ? 2 : 0}
          style={{ fill: `var(${colour})` }}
        />
      ))}
      {reference !== undefined && (
        <line className="layer-columns-reference" x1={LEFT_PX} x2={right} y1={y(reference)} y2={y(reference)} />
      )}
      {hasTicks &&
        layerTicks(layers, perLayer).map(({ layer, text }) => (
          <text key={layer} className="lp-tick" x={left(layer) + perLayer / 2} y={height - 4} textAnchor="middle">
            {text}
          </text>
        ))}
    </g>
  );
}

/** Layer numbers where there is room, and the start of each stack by its name. */
export function layerTicks(layers: LabSubject['moeLayers'], perLayer: number) {
  const every = [1, 2, 5, 10, 20].find((n) => n * perLayer >= 20) ?? 50;
  const both = hasBothStacks(layers);
  let takenTo = Number.NEGATIVE_INFINITY;
  return layers.flatMap(({ stack, block }, layer) => {
    const isStart = both && (layer === 0 || layers[layer - 1]?.stack !== stack);
    if (!isStart && block % every !== 0) return [];
    const text = isStart ? layerName(layers, layer).replace(' layer', '') : String(block);
    const half = textWidth(text) / 2;
    const at = layer * perLayer;
    if (at - half < takenTo) return [];
    takenTo = at + half + 6;
    return [{ layer, text }];
  });
}
