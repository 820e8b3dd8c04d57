import { describe, expect, it } from 'vitest';
import { DEFAULT_RUN } from '../../../engine/protocol/settings.ts';
import type { RunTotals, TelemetryFrame } from '../../../engine/protocol/telemetry.ts';
import { RafScheduler } from '../../../src-renderer/charts/raf_scheduler.ts';
import { FrameBus } from '../../../src-renderer/stores/frame_bus.ts';
import { EMPTY_SUMMARY } from '../../../src-renderer/stores/summary.ts';
import { summarize } from '../../../src-renderer/stores/summary_feed.ts';
import { columnsOf, FakeWorkload } from '../../ui/fake_workload.ts';

const bus = () => new FrameBus(new RafScheduler({ requestFrame: () => {}, nowMs: () => 0 }));

const TOTALS: RunTotals = {
  steps: 100,
  elapsedMs: 1000,
  promptTokens: 0,
  newTokens: 800,
  hits: 0,
  misses: 0,
  loads: 0,
  evictions: 0,
  stallMs: 0,
  sequencesDone: 3,
  sequencesTotal: 64,
  tokensPerSecond: 812,
};

describe('summarize', () => {
  it('says nothing before the first frame', () => {
    expect(summarize(bus(), 0)).toEqual(EMPTY_SUMMARY);
  });

  it('takes recent rates over the last steps, and the ledger of the last one', () => {
    const workload = new FakeWorkload({ ...DEFAULT_RUN, devices: [{ id: 'cpu:0' }, { id: 'cpu:1' }], cacheSlots: 10 });
    const rows = Array.from({ length: 100 }, () => workload.next());
    const steps = columnsOf(
      rows,
      0,
      rows.map((_, i) => i * 10),
      8,
    );
    const frame: TelemetryFrame = {
      seq: 1,
      runId: 'a',
      steps,
      totals: TOTALS,
      text: [],
      droppedFrames: 2,
      droppedSteps: 0,
    };
    const target = bus();
    target.push(frame);
    const summary = summarize(target, 9.5);

    const recent = rows.slice(-64);
    const sum = (pick: (row: (typeof rows)[number]) => number[]) =>
      recent.flatMap(pick).reduce((total, value) => total + value, 0);
    const hits = sum((row) => row.hits);
    expect(summary.hitRate).toBeCloseTo(hits / (hits + sum((row) => row.misses)), 9);
    expect(summary.maxShare).toBeCloseTo(sum((row) => [Math.max(...row.shares)]) / recent.length, 5);
    const ledger = rows.at(-1)?.ledger ?? [];
    expect(summary.ledgerBytes).toEqual([ledger.slice(0, 7), ledger.slice(7)]);
    expect(summary.residentBytes).toBeCloseTo(
      ledger.reduce((total, bytes) => total + bytes, 0),
      0,
    );
    expect(summary).toMatchObject({
      step: 100,
      tokensPerSecond: 812,
      framesPerSecond: 9.5,
      droppedFrames: 2,
      historyMs: 990,
    });
  });
});
