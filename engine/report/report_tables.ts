import { bytesHeld } from '../protocol/model.ts';
import type { PrecisionName, PromptSource, RunSettings } from '../protocol/settings.ts';
import { LEDGER_CATEGORIES } from '../protocol/telemetry.ts';
import { bytesText, count, dateText, fixed, mebibytes, msText, percent, plural, spanText } from './format.ts';
import { type Markup, markup } from './markup.ts';
import type { ReportData } from './report_data.ts';
import { CATEGORY_COLOURS, CATEGORY_NAMES, layerName } from './report_names.ts';

/** The report's tables: every number of the drawings, and what the run was. */

type Cell = string | Markup;

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  return markup`<table><thead><tr>${head.map((cell) => markup`<th>${cell}</th>`)}</tr></thead><tbody>${rows.map(
    (row) => markup`<tr>${row.map((cell) => markup`<td>${cell}</td>`)}</tr>`,
  )}</tbody></table>`;
}

/** Two columns of words: what, and its value. */
function facts(title: string, rows: readonly (readonly [string, string] | undefined)[]): Markup {
  const shown = rows.filter((row) => row !== undefined);
  return markup`<div class="box"><h3>${title}</h3><table class="words"><tbody>${shown.map(
    ([name, value]) => markup`<tr><td>${name}</td><td>${value}</td></tr>`,
  )}</tbody></table></div>`;
}

export function auditTable({ cache }: ReportData): Markup {
  const { measured, replayed } = cache.audit;
  const rows = (['hits', 'misses', 'loads', 'evictions'] as const).map((counter) => {
    const difference = replayed[counter] - measured[counter];
    return [counter, count(measured[counter]), count(replayed[counter]), difference === 0 ? '0' : fixed(difference, 0)];
  });
  const equal = rows.every(([, , , difference]) => difference === '0');
  const verdict = equal
    ? markup`<p class="good">Replay gives the live counters to the unit: what is replayed elsewhere in this report is what the caches would have done.</p>`
    : markup`<p class="bad">Replay differs from the live counters; this is a fault of the studio, and replayed numbers of this report are not to be relied on.</p>`;
  return markup`<div class="box"><h3>Counters measured and replayed</h3>${table(['counter', 'measured', 'replayed', 'difference'], rows)}${verdict}</div>`;
}

export function settingsTable({ marks }: ReportData): Markup {
  const computes = marks.some(({ copyAfterRows }) => copyAfterRows > 0);
  const rows = marks.map(
    ({ step, atMs, label, slotsPerLayer, eviction, copyAfterRows, placement, gating, batch }, index) => [
      `${index + 1}. ${label}`,
      count(step),
      spanText(atMs),
      count(slotsPerLayer),
      eviction,
      ...(computes ? [count(copyAfterRows)] : []),
      placement,
      gating,
      count(batch),
    ],
  );
  return markup`<div class="box"><h3>Settings over the run</h3>${table(['change', 'from step', 'at', 'slots per layer', 'eviction', ...(computes ? ['copied after rows'] : []), 'placement', 'gating', 'batch'], rows)}</div>`;
}

export function layerTable({ header, idle, cache }: ReportData): Markup {
  const rows = cache.layers.map(({ hits, misses, loads, evictions, hitRate }, layer) => {
    const { mean, low, high } = idle[layer] ?? { mean: Number.NaN, low: Number.NaN, high: Number.NaN };
    return [
      layerName(header.model.moeLayers, layer),
      fixed(mean, 1),
      `${fixed(low, 0)} to ${fixed(high, 0)}`,
      count(hits + misses),
      count(hits),
      count(misses),
      count(loads),
      count(evictions),
      percent(hitRate),
    ];
  });
  const head = [
    'layer',
    'idle, mean',
    'idle, middle 80%',
    'requests',
    'hits',
    'misses',
    'loads',
    'evictions',
    'hit rate, %',
  ];
  return markup`<div class="box"><h3>Layers</h3>${table(head, rows)}</div>`;
}

export function memoryTable({ memory }: ReportData): Markup {
  const head = ['mean at the end of a step, MiB', ...memory.map(({ id }) => id)];
  const rows: Cell[][] = LEDGER_CATEGORIES.map((category, index) => [
    markup`<span class="swatch ${CATEGORY_COLOURS[category]}"></span>${CATEGORY_NAMES[category]}`,
    ...memory.map(({ meanBytes }) => mebibytes(meanBytes[index] ?? Number.NaN)),
  ]);
  const line = (name: string, value: (device: ReportData['memory'][number]) => number) => [
    name,
    ...memory.map((use) => mebibytes(value(use))),
  ];
  return markup`<div class="box"><h3>Memory</h3>${table(head, [
    ...rows,
    line('total', ({ meanBytes }) => meanBytes.reduce((a, b) => a + b, 0)),
    line('mean rise within a step', ({ meanSpikeBytes }) => meanSpikeBytes),
    line('highest', ({ highestBytes }) => highestBytes),
    line('budget', ({ budgetBytes }) => budgetBytes),
  ])}</div>`;
}

export function paceTable({ pace }: ReportData): Markup {
  const computes = pace.some(({ computed }) => computed > 0);
  const rows = pace.map(({ fromStep, toStep, endMs, newTokensPerSecond, hitRate, misses, stallMs, ...host }) => [
    fromStep === toStep - 1 ? count(fromStep) : `${count(fromStep)} to ${count(toStep - 1)}`,
    spanText(endMs),
    fixed(newTokensPerSecond, 0),
    percent(hitRate),
    count(misses),
    msText(stallMs),
    ...(computes ? [count(host.computed), msText(host.computeMs)] : []),
  ]);
  const head = ['steps', 'until', 'new tokens/s', 'hit rate, %', 'misses', 'waited for loads'];
  if (computes) head.push('computed on the host', 'time there');
  return markup`<div class="box"><details><summary>The run in ${plural(pace.length, 'part')}</summary>${table(head, rows)}</details></div>`;
}

/** CPU devices are all that a run had where this is written: what is stored in another type became float32. */
const held = (name: PrecisionName) => (name === 'stored' ? 'fp32 (as stored)' : name);

const copiedText = (rows: RunSettings['copyAfterRows']) =>
  rows === 'auto' ? 'as many rows as a copy costs' : `${plural(rows, 'row')} on the host`;

export function factTables({ header, exporter, totals }: ReportData): Markup {
  const { model, machine, settings, devices } = header;
  return markup`<div class="two">${facts('Model', [
    ['name', model.name],
    ['family', model.family],
    ['fingerprint', model.fingerprint],
    ['parameters', count(model.parameters)],
    ['layers', `${count(model.layers)}, ${count(model.moeLayers.length)} of them MoE`],
    ...(model.encoderLayers === undefined
      ? []
      : [['encoder, decoder', `${count(model.encoderLayers)}, ${count(model.layers - model.encoderLayers)}`] as const]),
    ['experts per layer, active per token', `${count(model.experts)}, ${count(model.topK)}`],
    [
      'hidden size, vocabulary, context',
      `${count(model.hiddenSize)}, ${count(model.vocabSize)}, ${count(model.contextTokens)}`,
    ],
    ['experts stored as', model.dtype],
    ['checkpoint', bytesText(model.storedBytes)],
    ['one expert on a device', bytesText(bytesHeld(model, settings.precision).perExpert)],
    ['KV cache of a token', bytesText(model.deviceBytes.kvPerToken)],
  ])}${facts('Run', [
    ['run', header.id],
    ['started', dateText(header.createdAt)],
    [
      'cache slots at the start',
      `${settings.cacheSlots}${settings.cacheScope === 'device' ? ' a layer, shared by the layers of a device' : ''}`,
    ],
    ['eviction', settings.eviction],
    ...(settings.copyAfterRows === 0
      ? []
      : [['missing experts copied after', copiedText(settings.copyAfterRows)] as const]),
    ...(totals.hostBytes === 0 ? [] : [['held on the host for them at most', bytesText(totals.hostBytes)] as const]),
    ['placement', settings.placement],
    ['gating', settings.gating],
    ['experts, dense part held as', `${held(settings.precision.experts)}, ${held(settings.precision.dense)}`],
    ['batch', count(settings.batch)],
    ['prompts', `${count(settings.promptCount)} of ${promptText(settings.prompts)}`],
    ['prompt tokens at most', count(settings.promptTokens)],
    ...(settings.targetLanguage === undefined ? [] : [['translated into', settings.targetLanguage] as const]),
    ['new tokens at most', `${count(settings.newTokens)}${settings.ignoreEnd ? ', past the end token' : ''}`],
    ...(settings.chat ? [['prompts given as', 'messages in the chat template'] as const] : []),
    ['tokens chosen', samplingText(settings)],
  ])}${facts('Machine', [
    ['processor', machine.cpu],
    ['cores', count(machine.cores)],
    ['memory', bytesText(machine.memoryBytes)],
    ['system', machine.platform],
    ['Node.js', machine.node],
    ['ONNX Runtime', machine.onnxruntime],
    ['written by', exporter],
  ])}${facts(
    devices.length === 1 ? 'Device' : 'Devices',
    devices.map(({ id, name, budgetBytes }) => [id, `${name}, ${bytesText(budgetBytes)} budget`] as const),
  )}</div>`;
}

function samplingText({ temperature, topK, topP, repetitionPenalty, seed }: RunSettings): string {
  const repeated = repetitionPenalty === 1 ? '' : `, repetition penalty ${repetitionPenalty}`;
  if (temperature === 0) return `the likeliest${repeated}`;
  const from = `${topK === 0 ? '' : `, top-k ${topK}`}${topP === 1 ? '' : `, top-p ${topP}`}`;
  return `temperature ${temperature}${from}${repeated}, seed ${seed}`;
}

function promptText(prompts: PromptSource): string {
  if (prompts.kind === 'texts') return plural(prompts.texts.length, 'text');
  return prompts.name === 'mixed' ? 'all sample files in turn' : `sample "${prompts.name}"`;
}

export function textSection({ texts, header }: ReportData): Markup | undefined {
  if (texts.length === 0) return undefined;
  const arrow = header.model.encoderLayers === undefined ? '' : ' → ';
  const samples = texts.map(({ sequence, prompt, promptTokens, newTokens, waitedTokens, runs }) => {
    const facts = `${count(promptTokens)} prompt and ${plural(newTokens, 'new token')}, ${count(waitedTokens)} waited for an expert`;
    const text = runs.map(({ text, waited }) => (waited ? markup`<mark>${text}</mark>` : markup`${text}`));
    return markup`<div><h3>Sequence ${sequence}<span class="sub">${facts}</span></h3><p class="text"><i>${prompt}${arrow}</i>${text}</p></div>`;
  });
  return markup`<h2>Text</h2><div class="box texts">${samples}</div>`;
}
