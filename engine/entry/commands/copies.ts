import path from 'node:path';
import { z } from 'zod';
import { EngineRefusal } from '../../api.ts';
import { contiguous } from '../../balancing/placement.ts';
import { copyVerdict, expertBytesOf, measuredCopyMs, measuredRowMs } from '../../coordinator/copy_costs.ts';
import { type LabMaterial, openLabSource } from '../../coordinator/lab_source.ts';
import { LinkSpeeds } from '../../coordinator/link_speeds.ts';
import { LinkName, loadMsOver, whatIfLink } from '../../protocol/links.ts';
import { EvictionName } from '../../protocol/settings.ts';
import { type CopyRow, copyLimits, copyTable, NEVER_COPIED } from '../../replay/copy_table.ts';
import { Pace } from '../../replay/pace.ts';
import type { CacheTimeline } from '../../replay/replay_cache.ts';
import { toTimeline } from '../../report/recording.ts';
import { defaultDataDir } from '../folders.ts';
import {
  BadArguments,
  type Command,
  choiceFlag,
  countFlag,
  numberFlag,
  parseFlags,
  printJson,
  type Values,
} from './command.ts';
import { SOURCE_HELP, sourceFlag } from './lab_flags.ts';

const MIB = 2 ** 20;
const MOST_SLOTS = 65_535;

/** A cost, and where it is from. */
interface Cost {
  readonly ms: number;
  readonly from: string;
}

export const copies: Command = {
  name: 'copies',
  summary: 'Copy or compute: at how many rows a missing expert is better copied than computed on the host',
  help: [
    ...SOURCE_HELP,
    `  --link ${LinkName.options.join('|')}   what a copy takes over this link, projected (default: as the run measured it)`,
    '  --row-ms X            what a row of an expert takes on the host (default: as the run measured it; else measured here, now)',
    '  --slots N             of a trace: cache slots per layer (a run has its own settings)',
    `  --evict ${EvictionName.options.join('|')}   of a trace (default lru)`,
    '  --expert-mib M        of a trace: size of an expert',
    '  --json                costs and rows (engine/replay/copy_table.ts) as JSON',
  ].join('\n'),
  options: {
    run: { type: 'string' },
    trace: { type: 'string' },
    link: { type: 'string' },
    'row-ms': { type: 'string' },
    slots: { type: 'string' },
    evict: { type: 'string' },
    'expert-mib': { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const values = parseFlags(args, copies.options);
    const source = sourceFlag(values);
    const given = readGiven(values);
    if (source.kind === 'run' && (given.slots !== undefined || given.eviction !== undefined))
      throw new BadArguments('--slots and --evict are of a trace; a run is replayed under its own settings');
    const material = await openLabSource(source, undefined);
    const timeline = timelineOf(material, given);
    const expertBytes = bytesOf(material, given);
    const copy = copyCost(material, given, expertBytes);
    const row = await rowCost(material, given, expertBytes);
    const costs = { copyMs: copy.ms, rowMs: row.ms };
    const inForce = timeline.changes.flatMap(({ copyAfterRows = [] }) => copyAfterRows);
    const rows = await copyTable(material.trace, timeline, costs, copyLimits(costs, inForce), new Pace());
    const best = rows.reduce((a, b) => (b.stepMs < a.stepMs ? b : a));
    const verdict = copyVerdict(best.copyAfterRows, costs);
    if (values.json)
      return printJson({ subject: material.subject, copy, row, rows, best: best.copyAfterRows, verdict });
    const { model } = material.subject;
    process.stdout.write(
      [
        `${model}: ${verdict} (projected)`,
        `a copy ${copy.ms.toFixed(3)} ms (${copy.from}), a row on the host ${row.ms.toFixed(3)} ms (${row.from})`,
        '',
        'copied after         misses    computed  rows there      copies   ms a step',
        ...rows.filter(differs).map((entry) => rowText(entry, entry === best)),
        '',
        'Misses, computed, rows and copies are replayed. ms a step is projected: copies and rows one after the other, on the device that takes longest.',
        '',
      ].join('\n'),
    );
  },
};

/** Limits beyond which nothing changes are said once. */
function differs(row: CopyRow, index: number, rows: readonly CopyRow[]): boolean {
  const before = rows[index - 1];
  return before === undefined || before.copies !== row.copies || before.computedRows !== row.computedRows;
}

function rowText({ copyAfterRows, misses, computed, computedRows, copies, stepMs }: CopyRow, isBest: boolean): string {
  const name =
    copyAfterRows === 0
      ? 'at once'
      : copyAfterRows === NEVER_COPIED
        ? 'never'
        : `${copyAfterRows} ${copyAfterRows === 1 ? 'row' : 'rows'}`;
  const counts = [misses, computed, computedRows, copies].map((count) => String(count).padStart(12)).join('');
  return `${name.padEnd(15)}${counts}${stepMs.toFixed(3).padStart(12)}${isBest ? '  best' : ''}`;
}

function readGiven(values: Values) {
  const size = z.number().positive();
  return {
    link: choiceFlag(values, 'link', LinkName.options, undefined),
    rowMs: numberFlag(values, 'row-ms', size, 'a number above 0', undefined),
    slots: countFlag(values, 'slots', 1, MOST_SLOTS, undefined),
    eviction: choiceFlag(values, 'evict', EvictionName.options, undefined),
    expertMib: numberFlag(values, 'expert-mib', size, 'a number above 0', undefined),
  };
}
type Given = ReturnType<typeof readGiven>;

function timelineOf({ recording, trace }: LabMaterial, { slots, eviction = 'lru' }: Given): CacheTimeline {
  if (recording !== undefined) return toTimeline(recording);
  if (slots === undefined)
    throw new BadArguments('--slots is needed with a trace: how many experts of a layer are held');
  if (slots > trace.experts)
    throw new BadArguments(`--slots takes up to ${trace.experts}, the experts of a layer, not ${slots}`);
  return {
    changes: [{ atStep: 0, slotsPerLayer: slots, eviction, placement: contiguous(trace.moeLayers, trace.experts, 1) }],
  };
}

function bytesOf({ recording }: LabMaterial, { expertMib }: Given): number {
  if (recording !== undefined) return expertBytesOf(recording);
  if (expertMib === undefined)
    throw new BadArguments('--expert-mib is needed with a trace: it does not say how large an expert is');
  return expertMib * MIB;
}

function copyCost({ recording }: LabMaterial, { link }: Given, expertBytes: number): Cost {
  if (link !== undefined) return { ms: loadMsOver(link, expertBytes), from: `projected over ${whatIfLink(link).name}` };
  if (recording === undefined) throw new BadArguments('--link is needed with a trace: nothing was copied in it');
  return { ms: measuredCopyMs(recording), from: 'measured in this run' };
}

/**
 * On a CPU device a computed row begins with a session of its own, so what it took there is no guess at what it takes beside a card,
 * which keeps such sessions: of one only a run on a card tells, or this machine.
 */
async function rowCost({ recording, trace }: LabMaterial, { rowMs, link }: Given, expertBytes: number): Promise<Cost> {
  if (rowMs !== undefined) return { ms: rowMs, from: 'given' };
  const onCpu = recording?.header.devices.every(({ provider }) => provider === 'cpu') === true;
  const asksOfCard = link !== undefined || !onCpu;
  const inRun = recording && onCpu !== asksOfCard ? measuredRowMs(recording, trace) : undefined;
  if (inRun !== undefined) return { ms: inRun, from: 'measured in this run' };
  if (!asksOfCard) {
    throw new EngineRefusal(
      `${recording?.header.id}: its CPU devices computed no missing expert, so what a row takes there was not measured; record it with --copy-after-rows 1, or name a card's link with --link.`,
    );
  }
  const links = new LinkSpeeds(defaultDataDir(), path.join(__dirname, 'link.cjs'));
  return { ms: (1000 * expertBytes) / (await links.hostRow()), from: 'measured on this machine' };
}
