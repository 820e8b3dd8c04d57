import { LEDGER_CATEGORIES, STEP_PHASES } from '../protocol/telemetry.ts';
import { cachePanel, curvePanel, layerMissPanel } from './cache_panels.ts';
import { bytesText, count, fixed, MIB, mebibytes, msText, percent, plural, shortFigure } from './format.ts';
import { type Markup, markup } from './markup.ts';
import { axisTo, extremes, type Panel, percentLabel, timeMarks } from './panel.ts';
import type { ReportData } from './report_data.ts';
import {
  CATEGORY_COLOURS,
  CATEGORY_NAMES,
  capitalize,
  deviceColour,
  hasBothStacks,
  layerName,
  layerTick,
  PHASE_COLOURS,
} from './report_names.ts';
import { barChart } from './svg/bar_chart.ts';
import type { Axis } from './svg/plot.ts';
import { roundUp, tickStep } from './svg/scale.ts';
import { splitBars } from './svg/split_bars.ts';
import { timeChart } from './svg/time_chart.ts';

/** The panels of the report: a figure, a drawing, and a line of plain words each. */

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

/** Mean of a stack's layers that ran. */
function stackMean({ header, idle }: ReportData, stack: 'encoder' | 'decoder'): number {
  const means = idle.filter(({ steps }, layer) => steps > 0 && header.model.moeLayers[layer]?.stack === stack);
  return means.reduce((sum, { mean }) => sum + mean, 0) / means.length;
}

function idleWords(data: ReportData): string {
  const { header, idle } = data;
  const { experts, model } = header;
  if (hasBothStacks(model.moeLayers)) {
    const share = (stack: 'encoder' | 'decoder') => percent(stackMean(data, stack) / experts);
    return `The encoder leaves ${share('encoder')}% of its experts idle in a step that encodes; the decoder ${share('decoder')}% in a step.`;
  }
  const { most, least } = extremes(idle.map(({ mean }) => mean));
  const [mostIdle, leastIdle] = [most, least].map((layer) => fixed(idle[layer]?.mean ?? 0, 0));
  if (mostIdle === leastIdle) return `Every layer leaves about ${mostIdle} of ${experts} experts idle in a step.`;
  const [idlest, busiest] = [most, least].map((layer) => layerName(model.moeLayers, layer));
  return `${capitalize(idlest ?? '')} leaves ${mostIdle} of ${experts} experts idle in a step; ${busiest}, the busiest, ${leastIdle}.`;
}

function idlePanel(data: ReportData): Panel {
  const { header, idle } = data;
  const { experts, model } = header;
  const means = idle.map(({ mean }) => mean);
  const both = hasBothStacks(model.moeLayers);
  const bars = idle.map(({ mean, low, high }, layer) => ({
    name: layerTick(model.moeLayers, layer),
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
    figure: both
      ? `${percent(stackMean(data, 'encoder') / experts)} / ${percent(stackMean(data, 'decoder') / experts)}`
      : fixed(means.reduce((a, b) => a + b, 0) / means.length, 1),
    unit: both ? '% idle, encoder / decoder' : `of ${experts} idle`,
    chart: barChart('Mean number of inactive experts in each layer', bars, y, 'layer', 'idle'),
    says: idleWords(data),
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
    unit: `MiB of ${bytesText(budget)}`,
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
        stepped: true,
      })),
      level: { name: 'even', value: 1 / devices, kind: 'reference' },
      marks: timeMarks(marks),
    }),
    says: `${header.devices[most]?.id ?? ''} takes ${percent(load.meanShare[most] ?? Number.NaN)}% of the run; the most loaded device of a step ${percent(load.averageMaxLoad)}% on average and ${percent(load.maxLoad)}% at worst, where even is ${percent(1 / devices)}%.`,
  };
}

function phasePanel({ times, totals, marks }: ReportData): Panel {
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
        : `A ${last.kind} step spends ${percent((last.phaseMs[most] ?? 0) / sum)}% of its time in ${STEP_PHASES[most] ?? ''}.${gatingText(totals, marks)}`,
  };
}

/** What padded gating cost over the run; nothing where no row was padded and no pair dropped. */
function gatingText(
  { routedPairs, droppedPairs, paddingRows }: ReportData['totals'],
  marks: ReportData['marks'],
): string {
  const real = routedPairs - droppedPairs;
  if (real <= 0 || (paddingRows === 0 && droppedPairs === 0)) return '';
  const names = [...new Set(marks.map(({ gating }) => gating))];
  const drops = droppedPairs === 0 ? 'nothing' : `${percent(droppedPairs / routedPairs)}% of pairs`;
  return ` Over the run ${names.join(', then ')} gating ran ${shortFigure((real + paddingRows) / real)} rows for each real one, and dropped ${drops}.`;
}
