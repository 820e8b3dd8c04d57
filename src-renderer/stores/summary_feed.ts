import type { StoreApi } from 'zustand/vanilla';
import type { Dispose } from '../../engine/api.ts';
import { CATEGORY_COUNT, type RunTotals } from '../../engine/protocol/telemetry.ts';
import type { FrameBus } from './frame_bus.ts';
import type { RunHistory } from './history.ts';
import { EMPTY_SUMMARY, type SummaryState } from './summary.ts';

/** Tiles are read by people: more than four values a second cannot be. */
const PUBLISH_MS = 250;

/** Steps over which recent rates are taken. */
const RECENT_STEPS = 64;

/** Publishes the bus's numbers to the tiles. By timer, not by frame: it also runs while the window is hidden. */
export function feedSummary(bus: FrameBus, summary: StoreApi<SummaryState>): Dispose {
  let version = -1;
  let rate = 0;
  const timer = setInterval(() => {
    const framesPerSecond = Math.round(bus.framesPerSecond * 10) / 10;
    if (bus.history.version === version && framesPerSecond === rate) return;
    version = bus.history.version;
    rate = framesPerSecond;
    summary.setState(summarize(bus, framesPerSecond), true);
  }, PUBLISH_MS);
  return () => clearInterval(timer);
}

export function summarize(bus: FrameBus, framesPerSecond: number): SummaryState {
  const { history, totals } = bus;
  if (totals === undefined) return EMPTY_SUMMARY;
  const from = Math.max(history.firstRow, history.endRow - RECENT_STEPS);
  return {
    runId: bus.runId,
    step: totals.steps,
    tokensPerSecond: totals.tokensPerSecond,
    ...recentRates(history, from),
    ...ledgerNow(history),
    prefetches: prefetchesOf(totals),
    computed: computedOf(totals),
    sequencesDone: totals.sequencesDone,
    sequencesTotal: totals.sequencesTotal,
    curve: bus.curve,
    audit: bus.audit,
    framesPerSecond,
    droppedFrames: bus.droppedFrames,
    droppedSteps: bus.droppedSteps,
    historyMs: history.count === 0 ? 0 : history.lastMs - history.endMsOf(history.firstRow),
    historyBytes: history.bytes,
    historyBudgetBytes: history.budgetBytes,
  };
}

function prefetchesOf({ prefetches, prefetchesUsed = 0, prefetchesHarmed = 0 }: RunTotals): SummaryState['prefetches'] {
  return prefetches === undefined ? undefined : { ahead: prefetches, used: prefetchesUsed, harmed: prefetchesHarmed };
}

function computedOf({ computedMisses, computeMs = 0, misses, steps }: RunTotals): SummaryState['computed'] {
  return computedMisses === undefined ? undefined : { computed: computedMisses, misses, steps, ms: computeMs };
}

function recentRates(
  history: RunHistory,
  from: number,
): Pick<SummaryState, 'hitRate' | 'maxShare' | 'droppedPerToken'> {
  const { columns, shape } = history;
  let hits = 0;
  let accesses = 0;
  let shares = 0;
  let dropped = 0;
  let tokens = 0;
  for (let row = from; row < history.endRow; row++) {
    const slot = history.slot(row);
    hits += columns.hitsAll[slot] ?? 0;
    accesses += (columns.hitsAll[slot] ?? 0) + (columns.missesAll[slot] ?? 0);
    dropped += columns.droppedPairs[slot] ?? 0;
    tokens += columns.tokens[slot] ?? 0;
    let highest = 0;
    for (let d = 0; d < shape.devices; d++) {
      highest = Math.max(highest, columns.deviceShare[slot * shape.devices + d] ?? 0);
    }
    shares += highest;
  }
  const rows = history.endRow - from;
  return {
    hitRate: accesses === 0 ? undefined : hits / accesses,
    maxShare: rows === 0 ? undefined : shares / rows,
    droppedPerToken: tokens === 0 ? undefined : dropped / tokens,
  };
}

function ledgerNow(history: RunHistory): Pick<SummaryState, 'residentBytes' | 'ledgerBytes'> {
  if (history.count === 0) return { residentBytes: 0, ledgerBytes: [] };
  const { devices } = history.shape;
  const at = history.slot(history.endRow - 1) * devices * CATEGORY_COUNT;
  const ledgerBytes = Array.from({ length: devices }, (_, d) => {
    const start = at + d * CATEGORY_COUNT;
    return Array.from(history.columns.ledgerBytes.subarray(start, start + CATEGORY_COUNT));
  });
  return { residentBytes: ledgerBytes.flat().reduce((sum, bytes) => sum + bytes, 0), ledgerBytes };
}
