import { createHash } from 'node:crypto';
import type { RunHeader } from '../protocol/run_file.ts';
import type { RunRecording } from '../protocol/run_recording.ts';
import { MOST_POINTS } from './data/buckets.ts';
import { bytesText, count, dateText, figure, msText, percent, plural, spanText } from './format.ts';
import { type Markup, markup } from './markup.ts';
import { type ReportData, reportData } from './report_data.ts';
import { panels } from './report_panels.ts';
import { REPORT_STYLE } from './report_style.ts';
import {
  auditTable,
  factTables,
  layerTable,
  memoryTable,
  paceTable,
  settingsTable,
  textSection,
} from './report_tables.ts';

/** Only this style sheet, nothing else: no script, no request, whatever a prompt or a model's name may hold. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(REPORT_STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/**
 * A run as one HTML file that a colleague opens without the studio: drawings as SVG, tables, settings, machine, and for every
 * number its unit and whether it was measured or replayed.
 */
export function reportHtml(recording: RunRecording): string {
  const data = reportData(recording);
  const { name } = data.header.model;
  const page = markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${name}: MoE Studio run report</title><style>`;
  const body = markup`</style></head><body><main>
${titleBlock(data)}
${keyFigures(data)}
${data.totals.steps > 0 && content(data)}
<h2>What was run</h2>
${factTables(data)}
${notes(data)}
<footer>${data.exporter}</footer>
</main></body></html>
`;
  // The style sheet goes in as it is: escaped, its hash would be another.
  return page.text + REPORT_STYLE + body.text;
}

/** demo-lm-RUN-report.html; nothing in it that a file system might take amiss. */
export function reportFileName({ id, model }: Pick<RunHeader, 'id' | 'model'>, format: 'html' | 'json'): string {
  const plain = (text: string) => text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '');
  return `${[plain(model.name).slice(0, 60), plain(id).slice(0, 60)].filter(Boolean).concat('report').join('-')}.${format}`;
}

function content(data: ReportData): Markup {
  return markup`<div class="panels">${panels(data)}</div>
<h2>Settings</h2>
${settingsTable(data)}
<h2>Numbers</h2>
${layerTable(data)}<div class="two">${auditTable(data)}${memoryTable(data)}</div>${paceTable(data)}
${textSection(data)}`;
}

function titleBlock({ header, totals, truncation, endReason }: ReportData): Markup {
  const { model, devices } = header;
  const ending = endReason === undefined ? '' : `, ${endReason}`;
  return markup`<h1>${model.name}</h1>
<p class="sub">${model.family}, ${plural(model.layers, 'layer')}, ${count(model.experts)} experts, top ${count(model.topK)} · ${devices.map(({ id }) => id).join(', ')} · ${plural(totals.steps, 'step')} in ${spanText(totals.elapsedMs)}${ending} · ${dateText(header.createdAt)}</p>
${truncation !== undefined && markup`<p class="notice">${truncation}</p>`}`;
}

function keyFigures({ totals, cache, memory, idle, load, header }: ReportData): Markup {
  const highest = memory.reduce(
    (most, device) => (device.highestBytes > most.highestBytes ? device : most),
    memory[0] as ReportData['memory'][number],
  );
  const idleMean = idle.reduce((sum, { mean }) => sum + mean, 0) / idle.length;
  const [peak = '', peakUnit = ''] = bytesText(highest.highestBytes).split(' ');
  const tiles: readonly (readonly [string, string, string, string])[] = [
    ['Speed', figure(totals.newTokensPerSecond), 'new tok/s', `${plural(totals.newTokens, 'new token')}`],
    ['Cache hits', percent(cache.all.hitRate), '%', `${count(cache.all.misses)} misses`],
    ['Highest memory', peak, peakUnit, `of ${bytesText(highest.budgetBytes)} on ${highest.id}`],
    ['Idle experts', figure(idleMean), `of ${header.experts}`, 'mean of layers and steps'],
    ['Waited for experts', percent(totals.stallMs / totals.busyMs), '% of time', waitedText(totals)],
    lastTile({ totals, cache, load }),
  ];
  return markup`<dl class="figures">${tiles.map(
    ([name, value, unit, detail]) =>
      markup`<div><dt>${name}</dt><dd>${value}<span>${unit}</span></dd><dd>${detail}</dd></div>`,
  )}</dl>`;
}

function waitedText({ stallMs, hiddenMs }: ReportData['totals']): string {
  const hidden = hiddenMs === 0 ? '' : `, ${percent(hiddenMs / (hiddenMs + stallMs))}% of loads hidden`;
  return `${msText(stallMs)} in all${hidden}`;
}

/** Six have room: what the host computed has no panel of its own, the others have. */
function lastTile({ totals, cache, load }: Pick<ReportData, 'totals' | 'cache' | 'load'>) {
  const { computedMisses, computeMs, sequences, steps } = totals;
  if (computedMisses > 0) {
    const share = percent(computedMisses / cache.all.misses);
    return ['Computed on the host', share, '% of misses', `${msText(computeMs)} in all`] as const;
  }
  return load.share.length > 1
    ? (['Average max load', percent(load.averageMaxLoad), '%', `even is ${percent(1 / load.share.length)}%`] as const)
    : (['Sequences', count(sequences), 'started', plural(steps, 'step')] as const);
}

function notes({ curve, totals }: ReportData): Markup {
  const points = Math.min(totals.steps, MOST_POINTS);
  return markup`<h2>How to read the numbers</h2><ul class="notes">
<li>Measured: counted or timed by the engine in the run. Replayed: computed from the recorded routing by the same cache code that ran. Nothing here is projected.</li>
<li>Time charts have ${count(points)} points for ${plural(totals.steps, 'step')}: rates are those of all steps of a point, memory is that of its last step, the peak the highest of its steps.</li>
${totals.hiddenMs > 0 && markup`<li>A load is hidden while its device runs experts that were queued before it. How much of the loads' time that is was measured in one of 17 layers that load, and taken for the others.</li>`}
<li>Speed counts new tokens by the time spent in steps; pauses are left out. A step with any prompt token counts as a prefill step.</li>
<li>Memory is what the engine asked for, by category; 1 MiB is 1,048,576 bytes. A request asks one device's cache for one expert in one layer of one step.</li>
${curve !== undefined && markup`<li>The miss curve is about the newest ${plural(curve.toStep - curve.fromStep, 'step')} only, under the settings in force at the end of the run.</li>`}
</ul>`;
}
