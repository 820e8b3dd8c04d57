import { count, fixed, msText, percent, plural, shortFigure } from './format.ts';
import { axisTo, extremes, type Panel, percentLabel, timeMarks } from './panel.ts';
import type { ReportData } from './report_data.ts';
import { capitalize, layerName, layerTick } from './report_names.ts';
import { barChart } from './svg/bar_chart.ts';
import { curveChart } from './svg/curve_chart.ts';
import type { Axis } from './svg/plot.ts';
import { tickStep } from './svg/scale.ts';
import { timeChart } from './svg/time_chart.ts';

/** Panels about the expert cache. */

export function cachePanel({ cache, marks, totals }: ReportData): Panel {
  const { all, overTime } = cache;
  const lowest = Math.min(1, ...overTime.hitRate.filter(Number.isFinite));
  // The scale starts just below the lowest, so that a cache that nearly always hits still shows its shape.
  const step = tickStep(1.1 - lowest, 5);
  const y: Axis = { min: Math.max(0, Math.floor(lowest / step) * step), max: 1, step, label: percentLabel };
  const requests = all.hits + all.misses;
  return {
    title: 'Expert cache',
    sub: 'hit rate over time, %',
    origin: 'measured',
    figure: percent(all.hitRate),
    unit: '% hits',
    chart: timeChart({
      description: 'Share of expert requests that found the expert in the cache, over time',
      endMs: overTime.endMs,
      y,
      lines: [{ name: 'hits', colour: 'cache', values: overTime.hitRate, stepped: true }],
      marks: timeMarks(marks),
    }),
    says: `${missedText(all.misses, requests, totals)}; a step waited ${msText(totals.stallMs / totals.steps)} for loads on average${hiddenText(totals)}.`,
  };
}

function hiddenText({ stallMs, hiddenMs }: ReportData['totals']): string {
  if (hiddenMs === 0) return '';
  return `, while ${percent(hiddenMs / (hiddenMs + stallMs))}% of the loads' time passed beside experts that ran (sampled)`;
}

function missedText(
  misses: number,
  requests: number,
  { computedMisses, computeMs, steps }: ReportData['totals'],
): string {
  if (computedMisses === 0) return `${count(misses)} of ${plural(requests, 'request')} had to load an expert`;
  const inTime = `${msText(computeMs / steps)} a step`;
  return `${count(misses)} of ${plural(requests, 'request')} missed, ${count(computedMisses)} of them computed on the host in ${inTime}`;
}

export function layerMissPanel({ header, cache }: ReportData): Panel {
  const { moeLayers } = header.model;
  const missRates = cache.layers.map(({ hitRate }) => (Number.isFinite(hitRate) ? 1 - hitRate : 0));
  const { most } = extremes(missRates);
  const bars = cache.layers.map(({ hits, misses, loads, evictions }, layer) => ({
    name: layerTick(moeLayers, layer),
    value: missRates[layer] ?? 0,
    label: percent(missRates[layer] ?? 0),
    title: `${capitalize(layerName(moeLayers, layer))}: ${count(misses)} misses of ${plural(hits + misses, 'request')}, ${plural(loads, 'load')}, ${plural(evictions, 'eviction')}`,
    group: moeLayers[layer]?.stack ?? '',
  }));
  const requests = cache.all.hits + cache.all.misses;
  const worst = missRates[most] ?? 0;
  return {
    title: 'Misses by layer',
    sub: 'share of requests, %',
    origin: 'measured',
    figure: percent(cache.all.misses / requests),
    unit: '% misses',
    chart: barChart(
      'Share of expert requests that missed, in each layer',
      bars,
      axisTo(worst * 1.1, 5, (share) => fixed(share * 100, worst < 0.04 ? 1 : 0)),
      'layer',
      'cache',
    ),
    says:
      cache.all.misses === 0
        ? 'No request missed: every expert was resident when it was needed.'
        : `${capitalize(layerName(moeLayers, most))} misses most, ${percent(worst)}% of its requests.`,
  };
}

export function curvePanel(curve: NonNullable<ReportData['curve']>): Panel {
  const { slots, missRate, measured, workingSet, eviction, fromStep, toStep } = curve;
  const replayed = missRate[slots.indexOf(measured.slots)] ?? Number.NaN;
  return {
    title: 'Miss rate by cache size',
    sub: `%, ${eviction}`,
    origin: 'replayed and measured',
    figure: percent(measured.missRate),
    unit: `% at ${plural(measured.slots, 'slot')}`,
    chart: curveChart({
      description: 'Replayed miss rate for every cache size, with the measured one',
      xs: slots,
      values: missRate,
      xName: 'slots',
      y: axisTo(Math.max(...missRate, measured.missRate), 5, percentLabel),
      point: { x: measured.slots, y: measured.missRate, label: `${percent(measured.missRate)} measured` },
      guide: { x: workingSet, label: 'one step' },
    }),
    says: `Steps ${count(fromStep)} to ${count(toStep - 1)}: with ${plural(measured.slots, 'slot')} replay misses ${percent(replayed)}%. A step needs ${shortFigure(workingSet)} experts of a layer and device.`,
  };
}
