import type { RoutingTrace } from '../trace/trace.ts';
import type { Pace } from './pace.ts';
import { CacheReplay, type CacheTimeline } from './replay_cache.ts';

/** Steps between two rests. */
const SLICE_STEPS = 16;
/** As `copyAfterRows`: nothing is ever copied because it missed. */
export const NEVER_COPIED = 1_000_000;

/** Measured or foretold, by whoever asks; ms. */
export interface CopyCosts {
  /** Of a copy of one expert. */
  readonly copyMs: number;
  /** Of one row of one expert on the host. */
  readonly rowMs: number;
}

/** What missing experts would have come to over a trace, copied after so many rows on the host. */
export interface CopyRow {
  readonly copyAfterRows: number;
  /** Replayed: experts asked for and absent, of them computed on the host, and rows of those. */
  readonly misses: number;
  readonly computed: number;
  readonly computedRows: number;
  /** Replayed: copies, those ahead of need included. */
  readonly copies: number;
  /** Mean over steps of copies x copyMs + rows x rowMs on the device that takes longest: one after the other, nothing overlaps. Projected. */
  readonly stepMs: number;
}

/**
 * Copy or compute: the caches of a trace, replayed with other limits of rows in place of the recorded one. Each is a replay of its own:
 * what is resident depends on what was copied. Stretches whose gating asks for every expert in every step are copied under all of them.
 */
export async function copyTable(
  trace: RoutingTrace,
  timeline: CacheTimeline,
  { copyMs, rowMs }: CopyCosts,
  limits: readonly number[],
  pace: Pace,
): Promise<CopyRow[]> {
  const rows: CopyRow[] = [];
  for (const [index, copyAfterRows] of limits.entries()) {
    pace.tell(index / limits.length, `Replaying copies after ${copyAfterRows} rows`);
    rows.push(await replayWith(trace, timelineWith(timeline, copyAfterRows), { copyMs, rowMs }, copyAfterRows, pace));
  }
  return rows;
}

/**
 * Limits worth comparing: none, all, powers of two between, what a copy costs in rows, and what is in force.
 * @param inForce of the source, where it has one
 */
export function copyLimits({ copyMs, rowMs }: CopyCosts, inForce: readonly number[]): number[] {
  const price = Math.min(NEVER_COPIED, Math.floor(copyMs / rowMs));
  const powers = Array.from({ length: 10 }, (_, power) => 2 ** power);
  return [...new Set([0, ...powers, price, ...inForce, NEVER_COPIED])].sort((a, b) => a - b);
}

function timelineWith({ changes }: CacheTimeline, copyAfterRows: number): CacheTimeline {
  return {
    changes: changes.map((change) => {
      const rows = change.activeSet === 'all' ? 0 : copyAfterRows;
      return { ...change, copyAfterRows: Array.from({ length: change.placement.devices }, () => rows) };
    }),
  };
}

async function replayWith(
  trace: RoutingTrace,
  { changes }: CacheTimeline,
  { copyMs, rowMs }: CopyCosts,
  copyAfterRows: number,
  pace: Pace,
): Promise<CopyRow> {
  const devices = changes[0]?.placement.devices ?? 0;
  const spentMs = new Float64Array(devices);
  const counts = { misses: 0, computed: 0, computedRows: 0, copies: 0 };
  const replay = new CacheReplay(trace.moeLayers, trace.experts, (kind, { device }, _, rows) => {
    if (kind === 'load') {
      counts.copies++;
      spentMs[device] = (spentMs[device] as number) + copyMs;
    } else if (kind === 'compute') {
      counts.computed++;
      counts.computedRows += rows;
      spentMs[device] = (spentMs[device] as number) + rows * rowMs;
    }
  });
  let totalMs = 0;
  for (let step = 0; step < trace.steps; step++) {
    for (const change of changes) if (change.atStep === step) replay.apply(change);
    replay.step(trace, step);
    totalMs += Math.max(...spentMs);
    spentMs.fill(0);
    if (step % SLICE_STEPS === 0) await pace.rest();
  }
  counts.misses = replay.totals.misses;
  return { copyAfterRows, ...counts, stepMs: totalMs / Math.max(1, trace.steps) };
}
