import path from 'node:path';
import { contiguous } from '../../engine/balancing/placement.ts';
import { cacheQuestion } from '../../engine/coordinator/cache_lab.ts';
import { openLabSource } from '../../engine/coordinator/lab_source.ts';
import { type ActiveSets, activeSets } from '../../engine/replay/active_sets.ts';
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
  title: 'Speed of the replay behind the cache lab, on a real trace, one core',
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
        scan: () => rate(sets, () => activeSets(trace, placement)),
        one: () => rate(sets, () => replayEachSize(expertCaches('lru', sets, one), sets, scored, new Pace())),
        lru: () => rate(sets, () => replayAllSizes('lru', sets, scored, every, new Pace())),
        min: () => rate(sets, () => replayAllSizes('min', sets, scored, every, new Pace())),
      },
      { rounds: ROUNDS, warmUp: true },
    );
    const speed = (id: string, values: readonly number[], goal: number, detail: string): Figure => {
      const value = median(values);
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
      value: median(rates.scan),
      unit: 'accesses/s',
      how: 'measured',
      detail: 'active sets, once a trace',
    };
    const question = cacheQuestion(source, { scored: 'all' });
    const { table } = await interleave(
      { table: () => timed(() => cacheTable(question, new Pace())) },
      { rounds: ROUNDS, warmUp: true },
    );
    const { rows, slots } = await cacheTable(question, new Pace());
    const value = median(table);
    yield {
      id: 'replay.table',
      value,
      unit: 'ms',
      how: 'measured',
      detail: `${rows.length} policies at ${slots.length} sizes`,
      versus: { goal: `< ${TABLE_GOAL_MS}`, met: value < TABLE_GOAL_MS },
    };
  },
};

async function rate({ ids }: ActiveSets, work: () => unknown): Promise<number> {
  return (ids.length / (await timed(work))) * 1000;
}

function laps(trace: RoutingTrace): RoutingTrace {
  const long = new RoutingTraceBuilder(trace);
  for (let lap = 0; lap < LAPS; lap++) {
    for (let step = 0; step < trace.steps; step++) long.appendStep(trace.step(step));
  }
  return long;
}
