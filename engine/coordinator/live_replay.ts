import { mostHeld } from '../balancing/placement.ts';
import { computedMisses } from '../buffering/expert_cache.ts';
import type { CacheSlots } from '../protocol/settings.ts';
import { type Audit, type MissCurve, projectedStepMs } from '../protocol/telemetry.ts';
import { curveSizes, MissCurveReplay } from '../replay/miss_curve.ts';
import { type CacheChange, CacheReplay } from '../replay/replay_cache.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { CACHE_COUNTERS, PREFETCH_COUNTERS, type StepRow } from './step_row.ts';

/** The curve speaks of the last steps only, so that it follows the workload. */
const WINDOW_STEPS = 256;
/** Sizes on the curve at most: a shadow cache each. */
const MOST_SIZES = 32;
/** After a change of policy or placement the shadow caches are warmed up again over this many recorded steps. */
const WARM_STEPS = 512;
/**
 * A run's first steps fill empty caches, which says nothing about a size. Once there are twice as many, the curve and the
 * measured point leave them out.
 */
const COLD_STEPS = 16;
/** Fewer loads than this in the window do not make a mean; the last one stands. */
const FEWEST_LOADS = 8;
/** The recommended size costs at most this much of the speed with every expert resident. */
const RECOMMENDED_LOSS = 0.01;

interface Measured {
  readonly step: number;
  readonly accesses: number;
  readonly misses: number;
  readonly loadMs: number;
  readonly loads: number;
  readonly computeMs: number;
  readonly computed: number;
  readonly workMs: number;
  readonly newTokens: number;
}

interface InForce {
  readonly slots: CacheSlots;
  readonly slotsThatFit: number;
}

/**
 * Replays the run's own trace while it grows: once under the recorded settings (the audit: must equal the live counters to the
 * unit), and once for every cache size under the current policy and placement (the curve under the slider).
 * It runs in slices between messages; a backlog is allowed, and the frame says up to which step it came.
 */
export class LiveReplay {
  private readonly audit: CacheReplay;
  private readonly changes: CacheChange[] = [];
  private readonly measuredTotals = { hits: 0, misses: 0, loads: 0, evictions: 0 };
  /** Measured totals after each step that the audit has not come to. */
  private readonly unaudited: Audit['measured'][] = [];
  private auditedTotals: Audit['measured'] | undefined;
  private measuredSteps = 0;
  private audited = 0;
  private readSteps = 0;
  private curve: MissCurveReplay | undefined;
  private curveStep = 0;
  private lastChange: CacheChange | undefined;
  private inForce: InForce | undefined;
  /** First step under the settings in force: the measured point counts from here. */
  private since = 0;
  /** Steps before it have nothing foreseen by routers, where they are asked now: no curve of prefetch speaks of them. */
  private foreseenFrom = 0;
  private window: Measured[] = [];
  constructor(
    private readonly trace: RoutingTrace,
    private readonly moeLayers: number,
    private readonly experts: number,
    /** Of one expert: by the measured link, until so many loads were seen that their mean stands. */
    private loadMs = 0,
  ) {
    this.audit = new CacheReplay(moeLayers, experts);
  }

  /** Settings in force from step `change.atStep` on. */
  change(change: CacheChange, inForce: InForce): void {
    const before = this.lastChange;
    const { placement } = change;
    this.changes.push(change);
    this.lastChange = change;
    this.inForce = inForce;
    this.since = change.atStep;
    if (change.prefetch !== 'router') this.foreseenFrom = 0;
    else if (before?.prefetch !== 'router') this.foreseenFrom = change.atStep;
    if (before !== undefined && !change.cold && sameCurve(before, change)) return;
    const sizes = curveSizes(mostHeld(placement), MOST_SIZES);
    const { moeLayers, experts } = this;
    this.curve = new MissCurveReplay(moeLayers, experts, change, sizes, WINDOW_STEPS);
    // Caches that were opened anew are cold at every size.
    this.curveStep = change.cold ? change.atStep : Math.max(0, change.atStep - WARM_STEPS);
  }

  /** Takes a measured step; the same step must be in the trace already. */
  addMeasured(row: StepRow): void {
    let accesses = 0;
    let misses = 0;
    const devices = row.share.length;
    const loadsOf = new Array<number>(devices).fill(0);
    const computedBy = new Array<number>(devices).fill(0);
    const totals = this.measuredTotals;
    for (let at = 0; at < row.cache.length; at += CACHE_COUNTERS) {
      const device = Math.floor((at * devices) / row.cache.length);
      accesses += (row.cache[at] as number) + (row.cache[at + 1] as number);
      misses += row.cache[at + 1] as number;
      loadsOf[device] = (loadsOf[device] as number) + (row.cache[at + 2] as number);
      const ahead = row.prefetches?.[(at / CACHE_COUNTERS) * PREFETCH_COUNTERS] ?? 0;
      const counted = { misses: row.cache[at + 1] as number, loads: row.cache[at + 2] as number };
      computedBy[device] = (computedBy[device] as number) + computedMisses(counted, ahead);
      totals.hits += row.cache[at] as number;
      totals.loads += row.cache[at + 2] as number;
      totals.evictions += row.cache[at + 3] as number;
    }
    totals.misses += misses;
    this.unaudited.push({ ...totals });
    this.measuredSteps++;
    // The stall is the slowest device's, and so are the loads that it is divided by.
    const loads = Math.max(...loadsOf);
    const workMs = row.durationMs - row.stallMs - row.computeMs;
    this.window.push({
      step: row.step,
      accesses,
      misses,
      loadMs: row.stallMs,
      loads,
      computeMs: row.computeMs,
      computed: Math.max(...computedBy),
      workMs,
      newTokens: row.emissions.length,
    });
    if (this.window.length > WINDOW_STEPS) this.window.shift();
  }

  /** Works for about `sliceMs`; returns whether everything recorded has been replayed. */
  advance(sliceMs: number): boolean {
    const until = performance.now() + sliceMs;
    while (performance.now() < until) {
      if (this.audited < this.measuredSteps) {
        while (this.changes[0] !== undefined && this.changes[0].atStep <= this.audited) {
          this.audit.apply(this.changes.shift() as CacheChange);
        }
        this.audit.step(this.trace, this.audited++);
        this.auditedTotals = this.unaudited.shift();
      } else if (this.curve !== undefined && this.curveStep < this.measuredSteps) {
        this.curve.step(this.trace, this.curveStep++);
      } else return true;
    }
    return false;
  }

  /** Something was replayed since the audit was last read. */
  get unread(): boolean {
    return this.audited > this.readSteps;
  }

  readAudit(): Audit | undefined {
    this.readSteps = this.audited;
    const measured = this.auditedTotals;
    if (measured === undefined) return undefined;
    const { hits, misses, loads, evictions } = this.audit.totals;
    return { steps: this.audited, measured, replayed: { hits, misses, loads, evictions } };
  }

  readCurve(): MissCurve | undefined {
    const { curve, inForce, lastChange } = this;
    if (curve === undefined || inForce === undefined || lastChange === undefined || this.window.length === 0)
      return undefined;
    const cold = Math.max(this.curveStep >= 2 * COLD_STEPS ? COLD_STEPS : 0, this.foreseenFrom);
    if (this.curveStep <= cold) return undefined;
    const { fromStep, toStep, slots, missRate, missesPerStep, computedPerStep, workingSet } = curve.read(cold);
    const shown = this.window.filter((entry) => entry.step >= Math.max(this.since, fromStep) && entry.step < toStep);
    const sum = (entries: readonly Measured[], field: keyof Measured) =>
      entries.reduce((total, entry) => total + entry[field], 0);
    const loads = sum(this.window, 'loads');
    if (loads >= FEWEST_LOADS) this.loadMs = sum(this.window, 'loadMs') / loads;
    const { loadMs } = this;
    const base = this.window.filter((entry) => entry.step >= fromStep);
    const baseStepMs = sum(base, 'workMs') / base.length;
    const accesses = sum(shown, 'accesses');
    const shownMs = sum(shown, 'workMs') + sum(shown, 'loadMs') + sum(shown, 'computeMs');
    const computedCount = sum(this.window, 'computed');
    const computed = computedPerStep && {
      perStep: computedPerStep,
      missMs: computedCount === 0 ? 0 : sum(this.window, 'computeMs') / computedCount,
    };
    const projected = { missesPerStep, loadMs, baseStepMs, ...(computed && { computed }) };
    return {
      eviction: lastChange.eviction,
      fromStep,
      toStep,
      slots,
      missRate,
      missesPerStep,
      ...(computed && { computed }),
      measured: {
        slots: inForce.slots,
        missRate: accesses === 0 ? 0 : sum(shown, 'misses') / accesses,
        fromStep: shown[0]?.step ?? toStep,
        toStep: (shown[shown.length - 1]?.step ?? toStep - 1) + 1,
        sinceStart: this.since === 0,
        tokensPerSecond: shownMs > 0 ? (sum(shown, 'newTokens') * 1000) / shownMs : 0,
      },
      workingSet,
      baseStepMs,
      loadMs,
      newTokensPerStep: sum(base, 'newTokens') / base.length,
      slotsThatFit: inForce.slotsThatFit,
      recommended: recommend(slots, projected, inForce.slotsThatFit),
    };
  }
}

/** The smallest size whose projected step is within 1% of the projected step at the largest size that fits. */
function recommend(slots: Int32Array, curve: Parameters<typeof projectedStepMs>[0], fit: number) {
  const stepMs = (index: number) => projectedStepMs(curve, (values) => values[index] as number);
  let largest = 0;
  for (const [index, size] of slots.entries()) if (size <= fit) largest = index;
  const limit = stepMs(largest) * (1 + RECOMMENDED_LOSS);
  let index = 0;
  while (index < largest && stepMs(index) > limit) index++;
  const all = largest === slots.length - 1;
  return {
    slots: slots[index] ?? 1,
    reason: `the smallest size within 1% of the speed with ${all ? 'every expert resident' : `${slots[largest]} slots, the most that fit`}`,
  };
}

/** Whether two settings differ in nothing but the size, which the curve shows for all. */
function sameCurve(a: CacheChange, b: CacheChange): boolean {
  const same = a.eviction === b.eviction && a.placement === b.placement;
  const sameRows = String(a.copyAfterRows) === String(b.copyAfterRows);
  return same && sameRows && a.prefetch === b.prefetch && a.activeSet === b.activeSet && a.scope === b.scope;
}
