import { EngineRefusal } from '../api.ts';
import { mostHeld, type Placement } from '../balancing/placement.ts';
import { POLICIES } from '../buffering/policies.ts';
import type { ActiveSet } from '../gating/policy.ts';
import type { CacheRow, CacheTable, LabSubject, ReplayPolicy, Scored } from '../protocol/labs.ts';
import type { CacheScope, EvictionName, PrefetchName } from '../protocol/settings.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { type ActiveSets, activeSets } from './active_sets.ts';
import { replayAllSizes } from './all_sizes.ts';
import { allocateSlots } from './allocate_slots.ts';
import { verdictOf } from './cache_verdicts.ts';
import { warningsOf } from './cache_warnings.ts';
import { expertCaches, replayEachSize } from './each_size.ts';
import { servedLruCaches } from './lru_served.ts';
import { replayMinPool } from './min_pool.ts';
import { countAccesses, countScored, type MissCounts } from './miss_counts.ts';
import { curveSizes } from './miss_curve.ts';
import type { Pace } from './pace.ts';
import { scoredSteps } from './scored_steps.ts';
import { replayWithPrefetch } from './with_prefetch.ts';

const MOST_SIZES = 16;
const AHEAD_NOTE =
  'Experts are loaded ahead at every size as a run would, for the policies that can run: misses and loads are counted exactly, and times are projected with every load paid in full, ahead or not. MIN, and slots by layer, are counted without.';
const POOL_NOTE =
  'All layers of a device share its slots: a size is how many that makes for each layer. Slots by layer are counted with slots of their own.';

export interface CacheQuestion {
  readonly subject: LabSubject;
  readonly trace: RoutingTrace;
  /** In force for the whole trace. */
  readonly placement: Placement;
  /** What gating asks caches for, likewise; absent where only routing is known: the experts that tokens chose. */
  readonly activeSet?: ActiveSet;
  readonly scored: Scored;
  /** Per layer and device; absent: about 16 sizes from 1 to all. */
  readonly slots?: readonly number[];
  /** Whose the slots are; absent: each layer's. */
  readonly scope?: CacheScope;
  /** What loads experts ahead in every row but MIN's; absent: nothing. */
  readonly prefetch?: PrefetchName;
  /** Absent: every policy that runs, and MIN. */
  readonly policies?: readonly ReplayPolicy[];
  readonly cost?: CacheTable['cost'];
  readonly inForce?: CacheTable['inForce'];
  /** More to be said with the table: whole sentences. */
  readonly notes?: readonly string[];
}

/** Every policy that runs, and the floor. */
export const TABLE_POLICIES: readonly ReplayPolicy[] = [...(Object.keys(POLICIES) as EvictionName[]), 'min'];

function policyTitle(policy: ReplayPolicy): string {
  if (policy === 'min') return 'MIN (floor)';
  return policy === 'lru-served' ? 'LRU (serving order)' : POLICIES[policy].title;
}

/**
 * Miss rate against size for every policy, exact: LRU and MIN at all sizes in one pass, the others (and LRU where layers share
 * slots) size by size through the expert caches that ranks run. Cold start, nothing is forgotten between requests.
 * @throws EngineRefusal where no access is scored, for the LRU of cache studies in a pool, or where the work was cancelled
 */
export async function cacheTable(question: CacheQuestion, pace: Pace): Promise<CacheTable> {
  const { subject, trace, placement, scope = 'layer', prefetch = 'off', cost, inForce } = question;
  const sets = activeSets(trace, placement, question.activeSet);
  const scored = scoredSteps(trace, question.scored);
  const { accesses, events } = countAccesses(sets, scored);
  if (accesses === 0) {
    throw new EngineRefusal(
      `${subject.name}: none of its ${trace.steps} steps is scored under "${question.scored}"; score all steps, or take a longer trace.`,
    );
  }
  const loadsAhead = prefetch !== 'off';
  if ((scope === 'device' || loadsAhead) && question.policies?.includes('lru-served')) {
    throw new EngineRefusal(
      'lru-served: the LRU of cache studies is counted with slots per layer and nothing loaded ahead; set scope to layer and prefetch to off, or choose lru.',
    );
  }
  const most = mostHeld(placement);
  const slots = sizesOf(question.slots, most, inForce?.slots);
  const counter = new Counter(sets, scored, slots, pace);
  const min = await counter.counts('min', scope);
  const lru = await replayAllSizes('lru', sets, scored, sizesUpTo(most), pace);
  const rows: CacheRow[] = [];
  const policies = question.policies ?? TABLE_POLICIES;
  for (const [index, policy] of policies.entries()) {
    pace.tell(index / policies.length, `Replaying ${policyTitle(policy)} at ${slots.length} sizes`);
    const { misses, missesPerStep } =
      loadsAhead && policy !== 'min'
        ? await replayWithPrefetch(
            { trace, sets, placement, scored, slots, scope, prefetch, eviction: policy as EvictionName },
            pace,
          )
        : await counter.counts(policy, scope);
    rows.push({
      policy,
      title: loadsAhead && policy === 'min' ? 'MIN, nothing ahead' : policyTitle(policy),
      misses,
      missRate: misses.map((count) => count / accesses),
      missesPerStep,
      verdict: misses.map((count, size) =>
        verdictOf(policy, {
          accesses,
          misses: count,
          minMisses: min.misses[size] as number,
          coldMisses: lru.coldMisses,
          loadsAhead,
        }),
      ),
    });
  }
  const parts = {
    subject,
    how: 'replayed',
    scope,
    ...(loadsAhead && { prefetch }),
    scored: { rule: question.scored, steps: countScored(scored), accesses },
    slots,
    rows,
    coldMisses: lru.coldMisses,
    workingSet: accesses / events,
  } as const;
  return {
    ...parts,
    byLayer: await byLayer(counter, inForce?.policy ?? 'lru', lru, accesses),
    ...(cost && { cost }),
    ...(inForce && { inForce }),
    warnings: [
      ...(question.notes ?? []),
      ...(loadsAhead ? [AHEAD_NOTE] : []),
      ...(scope === 'device' ? [POOL_NOTE] : []),
      ...warningsOf(parts, countRequests(trace), question.activeSet),
    ],
  };
}

/** Misses of each policy, counted once. */
class Counter {
  private readonly known = new Map<string, Promise<MissCounts>>();

  constructor(
    readonly sets: ActiveSets,
    readonly scored: Uint8Array,
    readonly slots: readonly number[],
    readonly pace: Pace,
  ) {}

  counts(policy: ReplayPolicy, scope: CacheScope): Promise<MissCounts> {
    const key = `${policy} ${scope}`;
    const counts = this.known.get(key) ?? this.count(policy, scope);
    this.known.set(key, counts);
    return counts;
  }

  /** The sizes differ by layer [m][moeLayers]. */
  countAllocated(policy: EvictionName, allocation: readonly (readonly number[])[]): Promise<MissCounts> {
    return replayEachSize(expertCaches(policy, this.sets, allocation), this.sets, this.scored, this.pace);
  }

  private count(policy: ReplayPolicy, scope: CacheScope): Promise<MissCounts> {
    const { sets, scored, slots, pace } = this;
    const alike = slots.map((size) => new Array<number>(sets.moeLayers).fill(size));
    if (scope === 'device' && policy === 'min') return replayMinPool(sets, scored, slots, pace);
    if (scope === 'device' && policy !== 'lru-served')
      return replayEachSize(expertCaches(policy as EvictionName, sets, alike, scope), sets, scored, pace);
    if (policy === 'lru' || policy === 'min') return replayAllSizes(policy, sets, scored, slots, pace);
    const caches = policy === 'lru-served' ? servedLruCaches(sets, alike) : expertCaches(policy, sets, alike);
    return replayEachSize(caches, sets, scored, pace);
  }
}

/** With slots per layer, whatever the table is about. @param lru at every size from 1 on */
async function byLayer(
  counter: Counter,
  policy: EvictionName,
  lru: MissCounts,
  accesses: number,
): Promise<CacheTable['byLayer']> {
  const { slots } = counter;
  const { byLayer: misses } = await counter.counts(policy, 'layer');
  const largest = lru.misses.length;
  const curves = policy === 'lru' ? lru.byLayer : misses.map((layer) => interpolate(slots, layer, largest));
  const layers = misses.length;
  const allocation = allocateSlots(
    curves,
    slots.map((size) => size * layers),
  );
  const allocated =
    policy === 'lru'
      ? allocation.map((sizes) => sizes.reduce((sum, size, layer) => sum + (lru.byLayer[layer]?.[size - 1] ?? 0), 0))
      : (await counter.countAllocated(policy, allocation)).misses;
  return { policy, misses, allocation, allocatedMissRate: allocated.map((count) => count / accesses) };
}

/** Misses at sizes 1 to `largest`, on straight lines between the sizes that are known, flat beyond them. */
function interpolate(slots: readonly number[], misses: readonly number[], largest: number): number[] {
  let next = 0;
  return Array.from({ length: largest }, (_, index) => {
    const size = index + 1;
    while (next < slots.length - 1 && (slots[next] as number) < size) next++;
    const before = Math.max(0, next - 1);
    const [from, to] = [slots[before] as number, slots[next] as number];
    if (size >= to || from === to || size < from) return misses[size < from ? before : next] as number;
    const share = (size - from) / (to - from);
    return (1 - share) * (misses[before] as number) + share * (misses[next] as number);
  });
}

function sizesOf(asked: readonly number[] | undefined, most: number, inForce: number | undefined): number[] {
  const sizes = asked ?? [...curveSizes(most, MOST_SIZES), ...(inForce === undefined ? [] : [Math.min(inForce, most)])];
  return [...new Set(sizes)].sort((a, b) => a - b);
}

const sizesUpTo = (most: number) => Array.from({ length: most }, (_, index) => index + 1);

function countRequests(trace: RoutingTrace): number {
  const requests = new Set<number>();
  for (let step = 0; step < trace.steps; step++) for (const request of trace.step(step).request) requests.add(request);
  return requests.size;
}
