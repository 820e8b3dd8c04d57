import path from 'node:path';
import { contiguous } from '../../engine/balancing/placement.ts';
import { cacheQuestion } from '../../engine/coordinator/cache_lab.ts';
import { openLabSource } from '../../engine/coordinator/lab_source.ts';
import { activeSets } from '../../engine/replay/active_sets.ts';
import { replayAllSizes } from '../../engine/replay/all_sizes.ts';
import { cacheTable } from '../../engine/replay/cache_table.ts';
import { expertCaches, replayEachSize } from '../../engine/replay/each_size.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../../engine/trace/trace.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { interleave, median, timed } from './statistics.ts';

/** The largest real trace there is here: 26 layers of 256 experts, 300 tokens. */
const TRACE = 'models/traces/kimi-linear-300.jsonl.gz';
/** Run through so many times on end, it is long enough to time one size. */
const LAPS = 16;
const SLOTS = 32;
const ROUNDS = 5;
const ONE_SIZE_GOAL = 20e6;
const ALL_SIZES_GOAL = 5e6;
const TABLE_GOAL_MS = 2000;

export const replayTable: Bench = {
  id: 'replay_table',
  title: 'Speed of the replay behind the cache lab, on a real trace, by processor time of one core',
  figures: ['replay.one_size.lru', 'replay.all_sizes.lru', 'replay.all_sizes.min', 'replay.scan', 'replay.table'],
  async *run({ root }: BenchContext): AsyncGenerator<Figure> {
    const source = await openLabSource({ kind: 'trace', path: path.join(root, TRACE) }, undefined);
    const trace = laps(source.trace);
    const placement = contiguous(trace.moeLayers, trace.experts, 1);
    const sets = activeSets(trace, placement);
    const scored = new Uint8Array(sets.steps).fill(1);
    const every = Array.from({ length: sets.experts }, (_, index) => index + 1);
    const one = [new Array<number>(sets.moeLayers).fill(SLOTS)];
    const rates = await interleave(
      {
        scan: () => ownTimed(() => activeSets(trace, placement)),
        one: () => ownTimed(() => replayEachSize(expertCaches('lru', sets, one), sets, scored, new Pace())),
        lru: () => ownTimed(() => replayAllSizes('lru', sets, scored, every, new Pace())),
        min: () => ownTimed(() => replayAllSizes('min', sets, scored, every, new Pace())),
      },
      { rounds: ROUNDS, warmUp: true },
    );
    const perSecond = (values: readonly number[]) => (sets.ids.length / median(values)) * 1000;
    const speed = (id: string, values: readonly number[], goal: number, detail: string): Figure => {
      const value = perSecond(values);
      return {
        id,
        value,
        unit: 'accesses/s',
        how: 'measured',
        detail,
        versus: { goal: `>= ${goal / 1e6} M`, met: value >= goal },
      };
    };
    yield speed(
      'replay.one_size.lru',
      rates.one,
      ONE_SIZE_GOAL,
      `expert caches of ${SLOTS} slots, sets scanned before`,
    );
    const all = `all ${every.length} sizes in one pass, ${sets.ids.length} accesses`;
    yield speed('replay.all_sizes.lru', rates.lru, ALL_SIZES_GOAL, all);
    yield speed('replay.all_sizes.min', rates.min, ALL_SIZES_GOAL, all);
    yield {
      id: 'replay.scan',
      value: perSecond(rates.scan),
      unit: 'accesses/s',
      how: 'measured',
      detail: 'active sets, once a trace',
    };
    const question = cacheQuestion(source, { scored: 'all' });
    let wallMs = Number.POSITIVE_INFINITY;
    const { table } = await interleave(
      {
        table: () =>
          ownTimed(async () => {
            wallMs = Math.min(wallMs, await timed(() => cacheTable(question, new Pace())));
          }),
      },
      { rounds: ROUNDS, warmUp: true },
    );
    const { rows, slots } = await cacheTable(question, new Pace());
    const value = median(table);
    yield {
      id: 'replay.table',
      value,
      unit: 'ms',
      how: 'measured',
      detail: `${rows.length} policies at ${slots.length} sizes; by the clock at least ${wallMs.toFixed(0)} ms`,
      versus: { goal: `< ${TABLE_GOAL_MS}`, met: value < TABLE_GOAL_MS },
    };
  },
};

/** Milliseconds that this process has the processor for `work`: the goals are of one core, whatever else the machine does. */
async function ownTimed(work: () => unknown): Promise<number> {
  const begun = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}

function laps(trace: RoutingTrace): RoutingTrace {
  const long = new RoutingTraceBuilder(trace);
  for (let lap = 0; lap < LAPS; lap++) {
    for (let step = 0; step < trace.steps; step++) long.appendStep(trace.step(step));
  }
  return long;
}
