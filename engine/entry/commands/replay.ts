import { z } from 'zod';
import { cacheQuestion } from '../../coordinator/cache_lab.ts';
import { type LabMaterial, openLabSource } from '../../coordinator/lab_source.ts';
import { auditOf } from '../../coordinator/run_audit.ts';
import { type CacheRow, type CacheTable, type ReplayPolicy, Scored } from '../../protocol/labs.ts';
import { costOver, LinkName, whatIfLink } from '../../protocol/links.ts';
import { CacheScope, PrefetchName } from '../../protocol/settings.ts';
import type { Audit } from '../../protocol/telemetry.ts';
import { cacheTable, TABLE_POLICIES } from '../../replay/cache_table.ts';
import { joinDecodeSteps } from '../../replay/joined_steps.ts';
import { Pace } from '../../replay/pace.ts';
import { replayCaches } from '../../replay/replay_cache.ts';
import { toTimeline } from '../../report/recording.ts';
import { BadArguments, type Command, choiceFlag, countFlag, numberFlag, parseFlags, printJson } from './command.ts';
import { SOURCE_HELP, sourceFlag } from './lab_flags.ts';

/** What `all` leaves out: not a policy to run, only the one to compare a study's figures with. */
const BY_NAME_ONLY: readonly ReplayPolicy[] = ['lru-served'];
const MOST_BATCH = 4096;
const MIB = 2 ** 20;

export const replay: Command = {
  name: 'replay',
  summary: 'Replays a recorded run: as it was (must agree to the unit), and at other cache sizes and policies',
  help: [
    ...SOURCE_HELP,
    `  --evict NAME|all      policies (default all): ${TABLE_POLICIES.join(', ')}`,
    "                        min is Belady's MIN, which knows the future: the floor. By name only: lru-served, LRU as cache",
    '                        studies count it, the experts of a step being used one after the other, hits first',
    `  --scope ${CacheScope.options.join('|')}   whose slots they are (default: the run's own setting, layer for a trace): each layer's,`,
    '                        or as many in all, shared by the layers of a device',
    `  --prefetch ${PrefetchName.options.join('|')}   what loads experts ahead, replayed exactly at every size (default: as the run had`,
    '                        it at its end, off for a trace); router only of a run that recorded what its routers foresaw',
    '  --slots N,N,...       cache sizes per layer and device (default: about 16 from 1 to all)',
    `  --scored ${Scored.options.join('|')}   which steps count (default all): the second half of the steps`,
    '                        with new tokens is what is left when prompts and the first half only fill the caches',
    '  --batch N             N consecutive decode tokens as one step, prompts as they are; a rest that does not fill one is left out',
    `  --link ${LinkName.options.join('|')}   what if experts came over this link: the time of a step at each size,`,
    '                        projected (the rest of a step as the run measured it; of a trace, the copies only)',
    '  --expert-mib M        size of an expert, for --link with a trace, which does not say it',
    '  --json                the cache table of engine/protocol/labs.ts: rows by policy, misses and miss rate by size, losses in',
    '                        words, slots dealt to layers, warnings; with it run (its id) or trace (its model), audit (of a run), table:',
    '                        the rows once more as eviction and missRate, for scripts of older versions',
  ].join('\n'),
  options: {
    run: { type: 'string' },
    trace: { type: 'string' },
    evict: { type: 'string' },
    scope: { type: 'string' },
    prefetch: { type: 'string' },
    slots: { type: 'string' },
    scored: { type: 'string' },
    batch: { type: 'string' },
    link: { type: 'string' },
    'expert-mib': { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const values = parseFlags(args, replay.options);
    const source = sourceFlag(values);
    const policies = readPolicies(values.evict);
    const scored = choiceFlag(values, 'scored', Scored.options, 'all');
    const slots = readSizes(values.slots);
    const batch = countFlag(values, 'batch', 1, MOST_BATCH, 1);
    const scope = choiceFlag(values, 'scope', CacheScope.options, undefined);
    const prefetch = choiceFlag(values, 'prefetch', PrefetchName.options, undefined);
    const link = choiceFlag(values, 'link', LinkName.options, undefined);
    const expertMib = numberFlag(values, 'expert-mib', z.number().positive(), 'a number above 0', Number.NaN);
    const material = await openLabSource(source, undefined);
    const asked = { scored, ...(slots && { slots }), ...(scope && { scope }), ...(prefetch && { prefetch }) };
    const question = cacheQuestion(batched(material, batch), asked);
    const measured = await cacheTable({ ...question, policies }, new Pace());
    const table = link === undefined ? measured : tableOver(measured, link, expertMib * MIB);
    const audit = auditOfRun(material);
    if (values.json) {
      const older = table.rows.map(({ policy, missRate }) => ({ eviction: policy, missRate }));
      const { name, model } = table.subject;
      return printJson({ [source.kind]: source.kind === 'run' ? name : model, audit, ...table, table: older });
    }
    const projected = link === undefined ? '' : costText(table, link);
    process.stdout.write(
      `${audit === undefined ? 'trace has no recorded settings' : auditLine(audit)}\n\n${tableText(table)}${projected}`,
    );
  },
};

/** @param expertBytes of a trace, whose steps have no cost of their own: then a step's time is that of its copies */
function tableOver(table: CacheTable, link: LinkName, expertBytes: number): CacheTable {
  const { cost: known, subject } = table;
  if (known === undefined && !(expertBytes > 0)) {
    throw new BadArguments(
      `--link: ${subject.name} does not say what an expert or a step costs; give --expert-mib with a trace, or take a run that loads experts`,
    );
  }
  const layers = subject.moeLayers.length;
  const copies = { fixedBytes: 0, bytesPerSlot: layers * expertBytes, baseStepMs: 0, loadMs: 0, newTokensPerStep: 0 };
  const cost = costOver(known ?? copies, link, layers);
  return { ...table, ...(cost && { cost }) };
}

function costText({ subject, slots, rows, cost }: CacheTable, link: LinkName): string {
  const { baseStepMs = 0, loadMs = 0 } = cost ?? {};
  const rest = baseStepMs === 0 ? 'copies only' : `${baseStepMs.toFixed(2)} ms for the rest of a step, as measured`;
  return [
    '',
    `${subject.model}: ms a step over ${whatIfLink(link).name} (projected: ${loadMs.toFixed(3)} ms a load, ${rest})`,
    ...gridLines(slots, rows, ({ missesPerStep }) =>
      missesPerStep.map((misses) => (baseStepMs + misses * loadMs).toFixed(2)),
    ),
    '',
  ].join('\n');
}

function batched(material: LabMaterial, batch: number): LabMaterial {
  if (batch === 1) return material;
  const trace = joinDecodeSteps(material.trace, batch, { prompts: 'kept' });
  const { steps, tokens } = trace;
  return { subject: { ...material.subject, steps, tokens }, trace };
}

function auditOfRun({ recording, trace }: LabMaterial): Audit | undefined {
  return recording && auditOf(recording, replayCaches(trace, toTimeline(recording)));
}

function auditLine({ measured, replayed }: Audit): string {
  const same =
    measured.misses === replayed.misses && measured.hits === replayed.hits && measured.evictions === replayed.evictions;
  return `as recorded: ${measured.misses} misses measured, ${replayed.misses} replayed; ${same ? 'all counters agree' : 'counters differ'}`;
}

function tableText(table: CacheTable): string {
  const { subject, scope, prefetch, scored, slots, rows, coldMisses, workingSet, warnings } = table;
  const first = `${((100 * coldMisses) / scored.accesses).toFixed(1)} of 100 accesses are first uses`;
  const shared = scope === 'device' ? ', shared by the layers' : '';
  const ahead = prefetch === undefined ? '' : `, prefetch ${prefetch}`;
  const loads = [
    '',
    'loads a step, misses and loads ahead, of the device that has most (replayed)',
    ...gridLines(slots, rows, ({ missesPerStep }) => missesPerStep.map((count) => count.toFixed(2))),
  ];
  return [
    `${subject.model}: miss rate by slots per layer and device${shared}${ahead} (replayed)`,
    `${scored.accesses} accesses of ${scored.steps} steps; ${workingSet.toFixed(1)} experts a step, layer and device; ${first}`,
    ...warnings.map((warning) => `note: ${warning}`),
    '',
    ...gridLines(slots, rows, ({ missRate }) => missRate.map((rate) => `${(100 * rate).toFixed(1)}%`)),
    ...(prefetch === undefined ? [] : loads),
    '',
  ].join('\n');
}

/** A line a policy, a column a size. */
function gridLines(
  slots: readonly number[],
  rows: readonly CacheRow[],
  cellsOf: (row: CacheRow) => string[],
): string[] {
  const line = (name: string, cells: readonly string[]) =>
    `${name.padEnd(24)}${cells.map((cell) => cell.padStart(8)).join('')}`;
  return [line('policy', slots.map(String)), ...rows.map((row) => line(row.title, cellsOf(row)))];
}

function readPolicies(value: string | boolean | undefined): readonly ReplayPolicy[] {
  if (value === undefined || value === 'all') return TABLE_POLICIES;
  const found = [...TABLE_POLICIES, ...BY_NAME_ONLY].find((policy) => policy === value);
  if (found !== undefined) return [found];
  throw new BadArguments(
    `--evict takes ${[...TABLE_POLICIES, ...BY_NAME_ONLY].join(', ')} or all, not "${String(value)}"`,
  );
}

function readSizes(value: string | boolean | undefined): number[] | undefined {
  if (typeof value !== 'string') return undefined;
  const sizes = value.split(',').map(Number);
  if (sizes.every((size) => Number.isInteger(size) && size >= 1)) return sizes;
  throw new BadArguments(`--slots takes whole numbers from 1 on with commas between, not "${value}"`);
}
