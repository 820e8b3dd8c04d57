import { POLICIES } from '../../buffering/policies.ts';
import { auditOf } from '../../coordinator/run_audit.ts';
import { EvictionName } from '../../protocol/settings.ts';
import { curveSizes } from '../../replay/miss_curve.ts';
import { replayCaches } from '../../replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../report/recording.ts';
import { readRun } from '../../report/run_reader.ts';
import { BadArguments, type Command, parseFlags, printJson, textFlag } from './command.ts';
import { EngineRefusal } from '../../api.ts';

const MOST_SIZES = 16;

export const replay: Command = {
  name: 'replay',
  summary: 'Replays a recorded run: as it was (must agree to the unit), and at other cache sizes and policies',
  help: [
    '  --run run.json        recorded run',
    `  --evict ${EvictionName.options.join('|')}|all   policies (default all)`,
    '  --slots N,N,...       cache sizes per layer and device (default: about 16 from 1 to all)',
    '  --json                machine-readable',
  ].join('\n'),
  async run(args) {
    const values = parseFlags(args, {
      run: { type: 'string' },
      evict: { type: 'string' },
      slots: { type: 'string' },
      json: { type: 'boolean' },
    });
    const recording = await readRun(textFlag(values, 'run'));
    const trace = toTrace(recording);
    const timeline = toTimeline(recording);
    const [first] = timeline.changes;
    if (first === undefined) throw new EngineRefusal(`${textFlag(values, 'run')}: the run has no settings in it; nothing can be replayed.`);
    const { devices } = first.placement;
    const sizes = readSizes(values.slots, Math.ceil(trace.experts / devices));
    const policies = readPolicies(values.evict);
    const audit = auditOf(recording, replayCaches(trace, timeline));
    const table = policies.map((eviction) => ({
      eviction,
      missRate: sizes.map((slotsPerLayer) => {
        const { hits, misses } = replayCaches(trace, { changes: [{ ...first, slotsPerLayer, eviction }] }).totals;
        return misses / Math.max(1, hits + misses);
      }),
    }));
    if (values.json) return printJson({ run: recording.header.id, audit, slots: sizes, table, how: 'replayed' });
    const { measured, replayed } = audit;
    const same = measured.misses === replayed.misses && measured.hits === replayed.hits && measured.evictions === replayed.evictions;
    process.stdout.write(
      `as recorded: ${measured.misses} misses measured, ${replayed.misses} replayed; ${same ? 'all counters agree' : 'counters differ'}\n\n` +
        `miss rate by slots per layer and device (replayed, placement of the first step)\n${'policy'.padEnd(24)}${sizes.map((size) => String(size).padStart(7)).join('')}\n`,
    );
    for (const { eviction, missRate } of table) {
      process.stdout.write(`${POLICIES[eviction].title.padEnd(24)}${missRate.map((rate) => `${(100 * rate).toFixed(1)}%`.padStart(7)).join('')}\n`);
    }
  },
};

function readPolicies(value: string | boolean | undefined): readonly EvictionName[] {
  if (value === undefined || value === 'all') return EvictionName.options;
  const parsed = EvictionName.safeParse(value);
  if (!parsed.success) throw new BadArguments(`--evict takes ${EvictionName.options.join(', ')} or all, not "${String(value)}"`);
  return [parsed.data];
}

function readSizes(value: string | boolean | undefined, most: number): number[] {
  if (typeof value !== 'string') return [...curveSizes(most, MOST_SIZES)];
  const sizes = value.split(',').map(Number);
  if (sizes.every((size) => Number.isInteger(size) && size >= 1)) return sizes;
  throw new BadArguments(`--slots takes whole numbers from 1 on with commas between, not "${value}"`);
}
