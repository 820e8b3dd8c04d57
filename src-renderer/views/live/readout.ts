import type { EngineSnapshot } from '../../../engine/protocol/messages.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES, NOT_RUN, STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import { bytesText } from '../../format/bytes.ts';
import { toCsv } from '../../format/csv.ts';
import { layerName } from '../../format/layer_names.ts';
import { count, fixed, percentText } from '../../format/numbers.ts';
import { msText, spanText } from '../../format/time.ts';
import { plural } from '../../format/words.ts';
import type { RunHistory } from '../../stores/history.ts';
import type { Cursor } from '../../stores/selection.ts';
import type { LiveStats } from './live_stats.ts';
import { missShare } from './sentences.ts';

/** What the cursor points at, on one line for the bar above the panels; `undefined` when it points at nothing kept. */
export function readoutText(
  history: RunHistory,
  stats: LiveStats | undefined,
  snapshot: EngineSnapshot,
  cursor: Cursor,
): string | undefined {
  const layers = snapshot.model?.moeLayers ?? [];
  const experts = snapshot.model?.experts ?? 0;
  const row = cursor.step === undefined ? undefined : history.rowOfStep(cursor.step);
  if (row !== undefined) return stepText(history, row, experts);
  if (cursor.layer === undefined || stats === undefined) return undefined;
  const idle = stats.idle[cursor.layer];
  const cache = stats.cache[cursor.layer];
  if (idle === undefined || cache === undefined) return undefined;
  const name = layerName(layers, cursor.layer);
  const idleText =
    idle.steps === 0
      ? 'not run in the time shown'
      : `${fixed(idle.mean, 1)} of ${experts} experts idle (${idle.low} to ${idle.high} in 90% of steps)`;
  return [
    name.charAt(0).toUpperCase() + name.slice(1),
    idleText,
    `${percentText(missShare(cache))} of ${count(cache.hits + cache.misses)} requests missed`,
  ].join('   ');
}

function stepText(history: RunHistory, row: number, experts: number): string {
  const { columns, shape } = history;
  const slot = history.slot(row);
  const hits = columns.hitsAll[slot] ?? 0;
  const misses = columns.missesAll[slot] ?? 0;
  let idle = 0;
  let ran = 0;
  for (let layer = 0; layer < shape.layers; layer++) {
    const inactive = columns.inactive[slot * shape.layers + layer] ?? NOT_RUN;
    if (inactive === NOT_RUN) continue;
    idle += inactive;
    ran++;
  }
  const ledger = columns.ledgerBytes.subarray(
    slot * shape.devices * CATEGORY_COUNT,
    (slot + 1) * shape.devices * CATEGORY_COUNT,
  );
  return [
    `Step ${count(columns.step[slot] ?? 0)}`,
    plural(columns.tokens[slot] ?? 0, 'token'),
    `${msText(columns.durationMs[slot] ?? 0)}, ${msText(columns.stallMs[slot] ?? 0)} stalled${hostText(columns, slot)}`,
    hits + misses === 0 ? 'no requests' : `${percentText(hits / (hits + misses))} hits`,
    `${fixed(idle / Math.max(1, ran), 1)} of ${experts} idle`,
    bytesText(ledger.reduce((sum, bytes) => sum + bytes, 0)),
  ].join('   ');
}

function hostText({ computed, computeMs }: RunHistory['columns'], slot: number): string {
  return (computed[slot] ?? 0) === 0 ? '' : `, ${msText(computeMs[slot] ?? 0)} on the host`;
}

/** The bar's text while nothing is pointed at. `bucketNote` says what the curves leave out. */
export function restText(stats: LiveStats | undefined, frozen: string | undefined, done: string): string {
  if (stats === undefined) return '';
  const window = `${plural(stats.steps, 'step')} in ${spanText(stats.spanMs)}, ${msText(stats.stepMs)} each${done}`;
  if (frozen === undefined) return window;
  return `${frozen.charAt(0).toUpperCase()}${frozen.slice(1)}. ${window}`;
}

/** Everything recorded of one step, one value a line, for the clipboard. Undefined when the step is not kept. */
export function stepCsv(history: RunHistory, snapshot: EngineSnapshot, step: number): string | undefined {
  const row = history.rowOfStep(step);
  if (row === undefined) return undefined;
  const slot = history.slot(row);
  const { columns, shape } = history;
  const layers = snapshot.model?.moeLayers ?? [];
  const rows: (string | number)[][] = [];
  const add = (
    metric: string,
    unit: string,
    value: number | undefined,
    where: readonly [string, string | number] = ['', ''],
  ) => rows.push([step, metric, ...where, value ?? 0, unit]);
  add('end', 'ms', columns.endMs[slot]);
  add('duration', 'ms', columns.durationMs[slot]);
  add('stall', 'ms', columns.stallMs[slot]);
  add('computed on the host', 'misses', columns.computed[slot]);
  add('host', 'ms', columns.computeMs[slot]);
  add('tokens', 'tokens', columns.tokens[slot]);
  add('new tokens', 'tokens', columns.newTokens[slot]);
  add('routed', 'pairs', columns.routedPairs[slot]);
  add('dropped', 'pairs', columns.droppedPairs[slot]);
  add('padding', 'rows', columns.paddingRows[slot]);
  STEP_PHASES.forEach((phase, index) => {
    add('phase', 'ms', columns.phaseMs[slot * STEP_PHASES.length + index], ['phase', phase]);
  });
  for (let layer = 0; layer < shape.layers; layer++) {
    const where = ['layer', layerName(layers, layer)] as const;
    const inactive = columns.inactive[slot * shape.layers + layer] ?? NOT_RUN;
    if (inactive !== NOT_RUN) add('inactive experts', 'experts', inactive, where);
    add('hits', 'requests', columns.hits[slot * shape.layers + layer], where);
    add('misses', 'requests', columns.misses[slot * shape.layers + layer], where);
    add('evictions', 'experts', columns.evictions[slot * shape.layers + layer], where);
  }
  for (let device = 0; device < shape.devices; device++) {
    const at = slot * shape.devices + device;
    add('share', 'of token-expert pairs', columns.deviceShare[at], ['device', device]);
    add('peak', 'B', columns.peakBytes[at], ['device', device]);
    LEDGER_CATEGORIES.forEach((category, index) => {
      add(`ledger ${category}`, 'B', columns.ledgerBytes[at * CATEGORY_COUNT + index], ['device', device]);
    });
  }
  return toCsv(['step', 'metric', 'dimension', 'member', 'value', 'unit'], rows);
}

/** The window's numbers of one layer. */
export function layerCsv(stats: LiveStats, snapshot: EngineSnapshot, layer: number): string | undefined {
  const idle = stats.idle[layer];
  const cache = stats.cache[layer];
  if (idle === undefined || cache === undefined) return undefined;
  return toCsv(
    ['layer', 'steps', 'mean inactive experts', 'p5 inactive experts', 'p95 inactive experts', 'hits', 'misses'],
    [
      [
        layerName(snapshot.model?.moeLayers ?? [], layer),
        stats.steps,
        idle.mean,
        idle.low,
        idle.high,
        cache.hits,
        cache.misses,
      ],
    ],
  );
}
