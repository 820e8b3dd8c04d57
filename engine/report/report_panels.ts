import { LEDGER_CATEGORIES, STEP_PHASES } from '../protocol/telemetry.ts';
import { bytesText, count, fixed, MIB, mebibytes, msText, percent, plural, shortFigure } from './format.ts';
import { type Markup, markup } from './markup.ts';
import type { ReportData } from './report_data.ts';
import {
  CATEGORY_COLOURS,
  CATEGORY_NAMES,
  capitalize,
  deviceColour,
  layerName,
  PHASE_COLOURS,
} from './report_names.ts';
import { barChart } from './svg/bar_chart.ts';
import { curveChart } from './svg/curve_chart.ts';
import type { Axis } from './svg/plot.ts';
import { roundUp, tickStep } from './svg/scale.ts';
import { splitBars } from './svg/split_bars.ts';
import { type TimeMark, timeChart } from './svg/time_chart.ts';

/** The panels of the report: a figure, a drawing, and a line of plain words each. */

interface Panel {
  readonly title: string;
  readonly sub: string;
  readonly origin: 'measured' | 'replayed' | 'replayed and measured';
  readonly figure: string;
  readonly unit: string;
  readonly chart: Markup;
  readonly says: string;
}

export function panels(data: ReportData): Markup[] {
  const { curve, load } = data;
  return [
    idlePanel(data),
    ...data.memory.map((_, device) => memoryPanel(data, device)),
    cachePanel(data),
    layerMissPanel(data),
    ...(curve === undefined ? [] : [curvePanel(curve)]),
    ...(load.share.length > 1 ? [loadPanel(data)] : []),
    phasePanel(data),
  ].map(panel);
}

function panel({ title, sub, origin, figure: value, unit, chart, says }: Panel): Markup {
  return markup`<section class="panel"><header><h3>${title}</h3><span class="sub">${sub}</span><b>${value}<span>${unit}</span></b></header>${chart}<p>${says} <span class="origin">${origin}</span></p></section>`;
}

/** From 0 to a round number at or over `max`. */
function axisTo(max: number, most: number, label: (value: number) => string): Axis {
  const step = tickStep(max || 1, most);
  return { min: 0, max: roundUp(max || 1, step), step, label };
}

const percentLabel = (share: number) => fixed(share * 100, 0);

/** Numbered as in the table of settings; what the run began with needs no line. */
function timeMarks(marks: ReportData['marks']): TimeMark[] {
  return marks.map(({ atMs, label }, index) => ({ atMs, label, number: String(index + 1) })).slice(1);
}

function extremes(values: readonly number[]): { most: number; least: number } {
  let most = 0;
  let least = 0;
  for (const [index, value] of values.entries()) {
    if (value > (values[most] ?? 0)) most = index;
    if (value < (values[least] ?? 0)) least = index;
  }
  return { most, least };
}

function idlePanel({ header, idle }: ReportData): Panel {
  const { experts, model } = header;
  const means = idle.map(({ mean }) => mean);
  const { most, least } = extremes(means);
  const bars = idle.map(({ mean, low, high }, layer) => ({
    name: String(model.moeLayers[layer]?.block ?? layer),
    value: mean,
    label: fixed(mean, 0),
    spread: { low, high },
    title: `${capitalize(layerName(model.moeLayers, layer))}: ${fixed(mean, 1)} idle on average, ${fixed(low, 0)} to ${fixed(high, 0)} in most steps`,
    group: model.moeLayers[layer]?.stack ?? '',
  }));
  // Quarters of the experts where they are whole: the axis then ends at all of them.
  const step = experts % 4 === 0 ? experts / 4 : tickStep(experts, 4, true);
  const y: Axis = { min: 0, max: roundUp(experts, step), step, label: count };
  return {
    title: 'Inactive experts per layer',
    sub: 'mean, middle 80%',
    origin: 'measured',
    figure: fixed(means.reduce((a, b) => a + b, 0) / means.length, 1),
    unit: `of ${experts} idle`,
    chart: barChart('Mean number of inactive experts in each layer', bars, y, 'layer', 'idle'),
    says: `${capitalize(layerName(model.moeLayers, most))} leaves ${fixed(means[most] ?? 0, 0)} of ${experts} experts idle in a step; ${layerName(model.moeLayers, least)}, the busiest, ${fixed(means[least] ?? 0, 0)}.`,
  };
}

function memoryPanel({ memory, marks, header }: ReportData, device: number): Panel {
  const use = memory[device] as ReportData['memory'][number];
  const budget = use.budgetBytes;
  const highest = Math.max(use.highestBytes, ...use.peakBytes);
  // A budget far above all use would press the drawing against the floor: it is left to the figure then.
  const showBudget = budget <= highest * 2.5;
  const step = tickStep((showBudget ? Math.max(budget, highest) : highest) / MIB, 5) * MIB;
  const y: Axis = {
    min: 0,
    max: roundUp(showBudget ? Math.max(budget, highest) : highest, step),
    step,
    label: (bytes) => shortFigure(bytes / MIB),
  };
  return {
    title: header.devices.length > 1 ? `Memory of ${use.id}` : 'Memory',
    sub: 'MiB by category',
    origin: 'measured',
    figure: mebibytes(use.highestBytes),
    unit: `of ${mebibytes(budget)} MiB at most`,
    chart: timeChart({
      description: `Memory of ${use.id} over time by category, with the highest total of each step and the budget`,
      endMs: use.endMs,
      y,
      areas: LEDGER_CATEGORIES.map((category, index) => ({
        name: CATEGORY_NAMES[category],
        colour: CATEGORY_COLOURS[category],
        values: use.bytes[index] ?? [],
      })).filter(({ values }) => values.some((bytes) => bytes > 0)),
      lines: [{ name: 'peak', colour: 'peak', values: use.peakBytes }],
      ...(showBudget && { level: { name: 'budget', value: budget, kind: 'limit' as const } }),
      marks: timeMarks(marks),
    }),
    says: `Highest in step ${count(use.highestStep)}; within a step it rises ${bytesText(use.meanSpikeBytes)} over what stays, on average.`,
  };
}

function cachePanel({ cache, marks, totals }: ReportData): Panel {
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
      lines: [{ name: 'hits', colour: 'cache', values: overTime.hitRate }],
      marks: timeMarks(marks),
    }),
    says: `${count(all.misses)} of ${plural(requests, 'request')} had to load an expert; a step waited ${msText(totals.stallMs / totals.steps)} for loads on average.`,
  };
}

function layerMissPanel({ header, cache }: ReportData): Panel {
  const { moeLayers } = header.model;
  const missRates = cache.layers.map(({ hitRate }) => (Number.isFinite(hitRate) ? 1 - hitRate : 0));
  const { most } = extremes(missRates);
  const bars = cache.layers.map(({ hits, misses, loads, evictions }, layer) => ({
    name: String(moeLayers[layer]?.block ?? layer),
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

function curvePanel(curve: NonNullable<ReportData['curve']>): Panel {
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

function loadPanel({ header, load, marks }: ReportData): Panel {
  const devices = header.devices.length;
  const { most } = extremes(load.meanShare);
  const highest = Math.max(load.averageMaxLoad, ...load.share.flat().filter(Number.isFinite));
  return {
    title: 'Load per device',
    sub: 'share of token-expert pairs, %',
    origin: 'measured',
    figure: percent(load.averageMaxLoad),
    unit: '% average max',
    chart: timeChart({
      description: 'Share of the token-expert pairs that each device computed, over time',
      endMs: load.endMs,
      y: axisTo(Math.min(1, highest * 1.05), 5, percentLabel),
      lines: header.devices.map(({ id }, device) => ({
        name: id,
        colour: deviceColour(device),
        values: load.share[device] ?? [],
      })),
      level: { name: 'even', value: 1 / devices, kind: 'reference' },
      marks: timeMarks(marks),
    }),
    says: `${header.devices[most]?.id ?? ''} takes ${percent(load.meanShare[most] ?? Number.NaN)}% of the run; the most loaded device of a step ${percent(load.averageMaxLoad)}% on average and ${percent(load.maxLoad)}% at worst, where even is ${percent(1 / devices)}%.`,
  };
}

function phasePanel({ times }: ReportData): Panel {
  const rows = times.map(({ kind, steps, meanMs, phaseMs, tokensPerStep }) => ({
    name: `${kind} step, ${shortFigure(tokensPerStep)} tokens`,
    total: `${msText(meanMs)}, ${plural(steps, 'step')}`,
    parts: STEP_PHASES.map((phase, index) => ({
      value: phaseMs[index] ?? 0,
      title: `${phase}: ${msText(phaseMs[index] ?? Number.NaN)}`,
      colour: PHASE_COLOURS[phase],
    })),
  }));
  const last = times.at(-1);
  const { most } = extremes(last?.phaseMs ?? []);
  const sum = last?.phaseMs.reduce((a, b) => a + b, 0) ?? Number.NaN;
  const legend = markup`<table><tr><th>phase</th>${times.map(({ kind }) => markup`<th>${kind}</th><th>%</th>`)}</tr>${STEP_PHASES.map(
    (phase, index) =>
      markup`<tr><td><span class="swatch ${PHASE_COLOURS[phase]}"></span>${phase}</td>${times.map(({ phaseMs }) => {
        const ms = phaseMs[index] ?? Number.NaN;
        return markup`<td>${msText(ms)}</td><td>${percent(ms / phaseMs.reduce((a, b) => a + b, 0))}</td>`;
      })}</tr>`,
  )}</table>`;
  return {
    title: 'Time of a step',
    sub: 'slowest rank, by phase',
    origin: 'measured',
    figure: last === undefined ? '–' : msText(last.meanMs),
    unit: last === undefined ? '' : `a ${last.kind} step`,
    chart: markup`${splitBars('Time of a step by phase', rows)}${legend}`,
    says:
      last === undefined
        ? 'No step was recorded.'
        : `A ${last.kind} step spends ${percent((last.phaseMs[most] ?? 0) / sum)}% of its time in ${STEP_PHASES[most] ?? ''}.`,
  };
}
