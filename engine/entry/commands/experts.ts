import { expertsQuestion } from '../../coordinator/experts_lab.ts';
import { openLabSource } from '../../coordinator/lab_source.ts';
import type { ExpertLife, ExpertsMap, LabCaches } from '../../protocol/labs.ts';
import { expertLife } from '../../replay/expert_life.ts';
import { expertsMap } from '../../replay/experts_map.ts';
import { Pace } from '../../replay/pace.ts';
import { BadArguments, type Command, countFlag, parseFlags, printJson } from './command.ts';
import { SOURCE_HELP, sourceFlag } from './lab_flags.ts';

const MOST = 65_535;
/** Experts named in a line of text. */
const NAMED = 8;

export const experts: Command = {
  name: 'experts',
  summary: 'Which experts a run or a trace used: by layer, of one layer by step, or the life of one in its cache',
  help: [
    ...SOURCE_HELP,
    '  --layer N             this MoE layer step by step, from 0 on',
    '  --expert N            with --layer: what this expert met in its cache, step by step',
    '  --json                all of it: ExpertsMap, or with --layer ExpertLife, of engine/protocol/labs.ts',
  ].join('\n'),
  options: {
    run: { type: 'string' },
    trace: { type: 'string' },
    layer: { type: 'string' },
    expert: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const values = parseFlags(args, experts.options);
    const source = sourceFlag(values);
    if (values.expert !== undefined && values.layer === undefined) throw new BadArguments('--expert needs --layer');
    const layer = countFlag(values, 'layer', 0, MOST, undefined);
    const expert = countFlag(values, 'expert', 0, MOST, undefined);
    const question = expertsQuestion(await openLabSource(source, undefined));
    if (layer === undefined) {
      const map = await expertsMap(question, new Pace());
      return values.json ? printJson(map) : void process.stdout.write(mapText(map));
    }
    const life = await expertLife(question, layer, expert, new Pace());
    return values.json ? printJson(life) : void process.stdout.write(lifeText(life));
  },
};

function cachesText({ recorded, policy, slots }: LabCaches): string {
  return `caches: ${policy}, ${slots} slots per layer and device${recorded ? ' at the end, as recorded' : ', assumed: a trace has none'} (replayed)`;
}

function mapText({ subject, caches, tokens, hits, misses, concentration, stability }: ExpertsMap): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`.padStart(12);
  const sum = (row: readonly number[] | undefined) => (row ?? []).reduce((a, b) => a + b, 0);
  return [
    `${subject.model}: ${subject.steps} steps, ${subject.tokens} tokens`,
    cachesText(caches),
    '',
    `${'layer'.padEnd(12)}${['busiest 1/8', 'stays busy', 'unused', 'missed'].map((head) => head.padStart(12)).join('')}  busiest`,
    ...tokens.map((row, layer) => {
      const missed = sum(misses[layer]) / Math.max(1, sum(misses[layer]) + sum(hits[layer]));
      const block = subject.moeLayers[layer];
      const busiest = row
        .map((_, id) => id)
        .sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0))
        .slice(0, NAMED);
      const unused = String(row.filter((count) => count === 0).length).padStart(12);
      return `${`${layer} ${block?.stack ?? ''} ${block?.block ?? ''}`.padEnd(12)}${percent(concentration[layer] ?? 0)}${percent(stability[layer] ?? 0)}${unused}${percent(missed)}  ${busiest.join(' ')}`;
    }),
    '',
  ].join('\n');
}

function lifeText({ subject, caches, layer, steps, share, expert }: ExpertLife): string {
  if (expert !== undefined) {
    const lines = expert.events.map(
      ({ step, kind, tokens }) => `${String(step).padStart(8)}  ${kind.padEnd(8)}${String(tokens).padStart(6)}`,
    );
    return `${subject.model}: expert ${expert.id} of layer ${layer}, active in ${expert.activeSteps} of ${subject.steps} steps, loaded ${expert.loads} times\n${cachesText(caches)}\n\n    step  what    tokens\n${lines.join('\n')}\n`;
  }
  const lines = steps.map((step, row) => {
    const shares = share[row] ?? [];
    const active = shares.flatMap((part, id) => (part > 0 ? [{ id, part }] : [])).sort((a, b) => b.part - a.part);
    const named = active.slice(0, NAMED).map(({ id, part }) => `${id} ${(100 * part).toFixed(0)}%`);
    return `${String(step).padStart(8)}${String(active.length).padStart(8)}  ${named.join(', ')}`;
  });
  return `${subject.model}: layer ${layer}, share of each step's token-expert pairs\n\n    step  active  busiest\n${lines.join('\n')}\n`;
}
