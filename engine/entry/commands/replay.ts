import { EngineRefusal } from '../../api.ts';
import { contiguous, mostHeld } from '../../balancing/placement.ts';
import { POLICIES } from '../../buffering/policies.ts';
import { auditOf } from '../../coordinator/run_audit.ts';
import { EvictionName } from '../../protocol/settings.ts';
import type { Audit } from '../../protocol/telemetry.ts';
import { curveSizes } from '../../replay/miss_curve.ts';
import { type CacheChange, replayCaches } from '../../replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../report/recording.ts';
import { readRun } from '../../report/run_reader.ts';
import { readTraceFile } from '../../report/trace_file.ts';
import type { RoutingTrace } from '../../trace/trace.ts';
import { BadArguments, type Command, parseFlags, printJson, textFlag } from './command.ts';

const MOST_SIZES = 16;

/** What is replayed: a trace, the settings to start from, and for a recorded run its audit. */
interface Source {
  readonly name: string;
  readonly trace: RoutingTrace;
  readonly start: CacheChange;
  readonly audit?: Audit;
}

export const replay: Command = {
  name: 'replay',
  summary: 'Replays a recorded run: as it was (must agree to the unit), and at other cache sizes and policies',
  help: [
    '  --run run.json        recorded run, or',
    '  --trace FILE          routing trace, moe-trace 1 .jsonl or .jsonl.gz (on one device)',
    `  --evict ${EvictionName.options.join('|')}|all   policies (default all)`,
    '  --slots N,N,...       cache sizes per layer and device (default: about 16 from 1 to all)',
    '  --json                machine-readable',
  ].join('\n'),
  async run(args) {
    const values = parseFlags(args, {
      run: { type: 'string' },
      trace: { type: 'string' },
      evict: { type: 'string' },
      slots: { type: 'string' },
      json: { type: 'boolean' },
    });
    if ((values.run === undefined) === (values.trace === undefined)) {
      throw new BadArguments('either --run or --trace is needed, one of them');
    }
    const policies = readPolicies(values.evict);
    const source =
      values.trace === undefined ? await fromRun(textFlag(values, 'run')) : fromTrace(textFlag(values, 'trace'));
    const { name, trace, start, audit } = source;
    const sizes = readSizes(values.slots, mostHeld(start.placement));
    const table = policies.map((eviction) => ({
      eviction,
      missRate: sizes.map((slotsPerLayer) => {
        const { hits, misses } = replayCaches(trace, { changes: [{ ...start, slotsPerLayer, eviction }] }).totals;
        return misses / Math.max(1, hits + misses);
      }),
    }));
    if (values.json) {
      return printJson({ [audit === undefined ? 'trace' : 'run']: name, audit, slots: sizes, table, how: 'replayed' });
    }
    process.stdout.write(
      `${audit === undefined ? 'trace has no recorded settings' : auditLine(audit)}\n\n` +
        `miss rate by slots per layer and device (replayed, placement of the first step)\n${'policy'.padEnd(24)}${sizes.map((size) => String(size).padStart(7)).join('')}\n`,
    );
    for (const { eviction, missRate } of table) {
      process.stdout.write(
        `${POLICIES[eviction].title.padEnd(24)}${missRate.map((rate) => `${(100 * rate).toFixed(1)}%`.padStart(7)).join('')}\n`,
      );
    }
  },
};

async function fromRun(file: string): Promise<Source> {
  const recording = await readRun(file);
  const trace = toTrace(recording);
  const timeline = toTimeline(recording);
  const [start] = timeline.changes;
  if (start === undefined) throw new EngineRefusal(`${file}: the run has no settings in it; nothing can be replayed.`);
  return { name: recording.header.id, trace, start, audit: auditOf(recording, replayCaches(trace, timeline)) };
}

function fromTrace(file: string): Source {
  const { meta, trace } = readTraceFile(file);
  const placement = contiguous(meta.moeLayers, meta.experts, 1);
  return { name: meta.model, trace, start: { atStep: 0, slotsPerLayer: meta.experts, eviction: 'lru', placement } };
}

function auditLine({ measured, replayed }: Audit): string {
  const same =
    measured.misses === replayed.misses && measured.hits === replayed.hits && measured.evictions === replayed.evictions;
  return `as recorded: ${measured.misses} misses measured, ${replayed.misses} replayed; ${same ? 'all counters agree' : 'counters differ'}`;
}

function readPolicies(value: string | boolean | undefined): readonly EvictionName[] {
  if (value === undefined || value === 'all') return EvictionName.options;
  const parsed = EvictionName.safeParse(value);
  if (!parsed.success)
    throw new BadArguments(`--evict takes ${EvictionName.options.join(', ')} or all, not "${String(value)}"`);
  return [parsed.data];
}

function readSizes(value: string | boolean | undefined, most: number): number[] {
  if (typeof value !== 'string') return [...curveSizes(most, MOST_SIZES)];
  const sizes = value.split(',').map(Number);
  if (sizes.every((size) => Number.isInteger(size) && size >= 1)) return sizes;
  throw new BadArguments(`--slots takes whole numbers from 1 on with commas between, not "${value}"`);
}
