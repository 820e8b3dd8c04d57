import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { openLabSource } from '../../coordinator/lab_source.ts';
import { placementExport, placementLab } from '../../coordinator/placement_lab.ts';
import { PlacementFormat, PlacementLabParams, type PlacementTable } from '../../protocol/labs.ts';
import { PlacementName } from '../../protocol/settings.ts';
import { Pace } from '../../replay/pace.ts';
import { type Command, choiceFlag, countFlag, parseFlags, printJson, textFlag } from './command.ts';
import { sourceFlag } from './lab_flags.ts';

const MOST = 65_535;

export const placement: Command = {
  name: 'placement',
  summary: 'Compares placements of experts on a recorded run or a trace, or writes one for another engine',
  help: [
    '  --run run.json        recorded run, or',
    '  --trace FILE          routing trace, moe-trace 1 .jsonl or .jsonl.gz',
    '  --devices D           devices to place on (default 4)',
    "  --batch-tokens N      decode tokens joined into a batch (default: the source's own steps, or 8 where it has one token each)",
    '  --redundant R         redundant experts per layer for methods with replicas (default an eighth of the experts)',
    '  --slots N             cache slots per layer and device for the miss rate (default half of what a device holds)',
    '  --groups G --nodes N  EPLB: groups that stay whole within a node (default 1 and 1)',
    '  --json                the table as JSON',
    `  --export ${PlacementFormat.options.join('|')} --out FILE --method M   write the placement of the whole source by method M:`,
    `                        ${PlacementName.options.join(', ')}`,
  ].join('\n'),
  options: {
    run: { type: 'string' },
    trace: { type: 'string' },
    devices: { type: 'string' },
    'batch-tokens': { type: 'string' },
    redundant: { type: 'string' },
    slots: { type: 'string' },
    groups: { type: 'string' },
    nodes: { type: 'string' },
    json: { type: 'boolean' },
    export: { type: 'string' },
    out: { type: 'string' },
    method: { type: 'string' },
  },
  async run(args) {
    const values = parseFlags(args, placement.options);
    const params = PlacementLabParams.parse({
      source: sourceFlag(values),
      devices: countFlag(values, 'devices', 2, 16, 4),
      batchTokens: countFlag(values, 'batch-tokens', 1, 4096, undefined),
      redundant: countFlag(values, 'redundant', 0, MOST, undefined),
      slots: countFlag(values, 'slots', 1, MOST, undefined),
      groups: countFlag(values, 'groups', 1, MOST, 1),
      nodes: countFlag(values, 'nodes', 1, 16, 1),
    });
    const format = choiceFlag(values, 'export', PlacementFormat.options, undefined);
    const method = choiceFlag(values, 'method', PlacementName.options, 'contiguous');
    const out = format && path.resolve(textFlag(values, 'out'));
    const material = await openLabSource(params.source, undefined);
    if (format === undefined || out === undefined) {
      const table = await placementLab(material, params, new Pace());
      if (values.json) printJson(table);
      else process.stdout.write(tableText(table));
      return;
    }
    writeFileSync(out, placementExport(material, { ...params, method, format }).content);
    process.stdout.write(
      `${out}: ${method} placement on ${params.devices} devices from ${material.subject.steps} steps\n`,
    );
  },
};

/** Loads as multiples of an even share, which is 1. */
function tableText(table: PlacementTable): string {
  const { devices, batchTokens, slots, history, scored, rows, warnings, subject, speedSays } = table;
  const isTimed = rows.some((row) => row.tokensPerSecond !== undefined);
  const load = (share: number) => (devices * share).toFixed(3).padStart(9);
  const range = (values: readonly number[], text: (value: number) => string) => {
    const [low, high] = [text(Math.min(...values)), text(Math.max(...values))];
    return (low === high ? low : `${low}-${high}`).padStart(14);
  };
  const lines = rows.map(
    (row) =>
      `${row.title.padEnd(26)}${load(row.avgMaxLoad)}${load(row.maxLoad)}${load(row.historyAvgMaxLoad)}${load(row.historyMaxLoad)}` +
      `${range(row.expertsPerDevice, (value) => value.toFixed(1))}${range(row.missRate, (rate) => `${(100 * rate).toFixed(1)}%`)}` +
      (row.tokensPerSecond === undefined ? '' : row.tokensPerSecond.toFixed(1).padStart(10)),
  );
  const heads = ['Avg Max', 'Max', 'history', 'history'].map((head) => head.padStart(9)).join('');
  return [
    `${subject.model}: ${history.batches} batches of ${batchTokens} tokens to place by, ${scored.batches} to score on, ${devices} devices (replayed)`,
    `loads as multiples of an even share; misses with ${slots} slots per layer and device, LRU`,
    speedSays,
    ...warnings.map((warning) => `note: ${warning}`),
    '',
    `${'method'.padEnd(26)}${heads}${'experts'.padStart(14)}${'misses'.padStart(14)}${isTimed ? 'tok/s'.padStart(10) : ''}`,
    ...lines,
    '',
  ].join('\n');
}
