import { useEffect, useRef } from 'react';
import { CATEGORY_COUNT, LEDGER_CATEGORIES, type StepProfile } from '../../../engine/protocol/telemetry.ts';
import { useStudio } from '../../app/context.tsx';
import { byteScale } from '../../charts/axis_scale.ts';
import { categoryVariable } from '../../charts/chart_theme.ts';
import { chartMargins, gridOption, plotArea } from '../../charts/plot_area.ts';
import { PlotOverlay } from '../../charts/plot_overlay.ts';
import { useChart } from '../../charts/use_chart.ts';
import { bytesPer, byteUnit } from '../../format/bytes.ts';
import { fixed } from '../../format/numbers.ts';
import { msText } from '../../format/time.ts';
import type { Points } from '../../stores/buckets.ts';
import { CATEGORY_NAMES, ledgerSeries, ledgerSeriesId } from './ledger_series.ts';
import { profileCurves } from './step_profile.ts';

/** Profiles come now and then; twice a second is as often as their shape can be taken in. */
const PAINTS_PER_SECOND = 2;

/** The ledger within the last profiled step, above what is held throughout it: the spikes of gating, reordering, execution. */
export function StepZoom() {
  const { bus } = useStudio();
  const overlayElement = useRef<HTMLDivElement>(null);
  const emptyElement = useRef<HTMLDivElement>(null);
  const overlay = useRef<PlotOverlay>(undefined);
  const unitBytes = useRef(1);

  const { element, chart } = useChart({
    name: 'step zoom',
    paintsPerSecond: PAINTS_PER_SECOND,
    skeleton: (theme) => ({
      animation: false,
      textStyle: { fontFamily: theme.font, fontSize: 11 },
      grid: { outerBoundsMode: 'none' },
      xAxis: { type: 'value', show: false, min: 0, max: 1 },
      yAxis: {
        type: 'value',
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: {
          color: theme.axis,
          fontSize: 11,
          margin: 7,
          formatter: (value: number) => {
            return `+${fixed(value / unitBytes.current, 2).replace(/\.?0+$/, '')}`;
          },
        },
        splitLine: { lineStyle: { color: theme.grid } },
      },
      series: ledgerSeries(theme, 'end'),
    }),
    paint(echart, size) {
      const { profile } = bus;
      if (emptyElement.current !== null) emptyElement.current.hidden = profile !== undefined;
      if (profile === undefined) return;
      const margins = chartMargins(size);
      const area = plotArea(size, margins);
      const curves = profileCurves(profile);
      const highest = highestTotal(curves);
      const scale = byteScale(Math.max(highest * 1.04, 1024));
      const endMs = Math.max(profile.atMs.at(-1) ?? 0, 1e-3);
      unitBytes.current = bytesPer(byteUnit(scale.max));
      echart.setOption(
        {
          grid: gridOption(margins),
          xAxis: { min: 0, max: endMs },
          yAxis: { ...scale },
          series: curves.map((data, category) => ({ id: ledgerSeriesId(category), data })),
        },
        { silent: true },
      );
      const over = overlay.current;
      if (over === undefined) return;
      over.place(area, margins.right);
      over.showTicks([
        { x: 0, text: '0' },
        { x: area.width / 2, text: msText(endMs / 2) },
        { x: area.width, text: msText(endMs) },
      ]);
      over.showEndLabels(peakLabels(profile, curves, area.height, scale.max, unitBytes.current));
    },
  });

  useEffect(() => {
    if (overlayElement.current !== null) overlay.current = new PlotOverlay(overlayElement.current);
    const stop = bus.subscribe(() => chart.current?.markDirty());
    return () => {
      stop();
      overlayElement.current?.replaceChildren();
    };
  }, [bus, chart]);

  return (
    <div className="plot" role="img" aria-label="Memory within one step, above what is held throughout it">
      <div ref={element} className="plot-canvas" />
      <div ref={overlayElement} className="plot-overlay" aria-hidden />
      <div ref={emptyElement} className="plot-empty">
        No step has been profiled yet.
      </div>
    </div>
  );
}

function highestTotal(curves: readonly Points[]): number {
  let highest = 0;
  for (let i = 1; i < (curves[0]?.length ?? 0); i += 2) {
    highest = Math.max(
      highest,
      curves.reduce((sum, points) => sum + (points[i] ?? 0), 0),
    );
  }
  return highest;
}

/** Labels stand at the height of each category's band where the step was highest, with the highest rise as value. */
function peakLabels(profile: StepProfile, curves: readonly Points[], height: number, top: number, unitBytes: number) {
  const totals = Array.from(profile.atMs, (_, sample) =>
    curves.reduce((sum, points) => sum + (points[sample * 2 + 1] ?? 0), 0),
  );
  const peak = totals.indexOf(Math.max(...totals));
  let below = 0;
  return Array.from({ length: CATEGORY_COUNT }, (_, category) => category).flatMap((category) => {
    const points = curves[category] ?? new Float64Array(0);
    const atPeak = points[peak * 2 + 1] ?? 0;
    const at = below + atPeak / 2;
    below += atPeak;
    let most = 0;
    for (let i = 1; i < points.length; i += 2) most = Math.max(most, points[i] ?? 0);
    if (most <= 0) return [];
    return [
      {
        text: CATEGORY_NAMES[LEDGER_CATEGORIES[category] ?? 'embedding'],
        value: fixed(most / unitBytes, 1),
        y: (1 - at / top) * height,
        colour: categoryVariable(category),
        weight: most,
      },
    ];
  });
}
