import { describe, expect, it } from 'vitest';
import type { EngineSnapshot } from '../../engine/protocol/messages.ts';
import { CATEGORY_COUNT, type StepProfile } from '../../engine/protocol/telemetry.ts';
import { BlockSums } from '../../src-renderer/stores/block_sums.ts';
import { RunHistory } from '../../src-renderer/stores/history.ts';
import { liveStats } from '../../src-renderer/views/live/live_stats.ts';
import { layerCsv, readoutText, restText, stepCsv } from '../../src-renderer/views/live/readout.ts';
import { profileCurves, profileRise } from '../../src-renderer/views/live/step_profile.ts';
import { columns } from './live_example.ts';

const MIB = 2 ** 20;

const SNAPSHOT = {
  state: 'running',
  marks: [],
  model: { experts: 64, moeLayers: [0, 1].map((block) => ({ stack: 'decoder', block })) },
} as unknown as EngineSnapshot;

/** Four steps on two devices; the cache shrinks before step 2. */
function setup() {
  const history = new RunHistory();
  const ledger = (experts: number) => [
    [6, 11, 0, experts, 4, 0, 1].map((mib) => mib * MIB),
    [6, 11, 0, experts, 4, 0, 1].map((mib) => mib * MIB),
  ];
  const step = (i: number, experts: number, share: number, missed: number) => ({
    step: i,
    endMs: (i + 1) * 1000,
    durationMs: 900,
    tokens: 8,
    stallMs: missed,
    inactive: [16, 40 + i],
    hits: [10, 10 - missed],
    misses: [0, missed],
    pairs: [64, i, 10 * i] as const,
    shares: [share, 1 - share],
    peaks: [(experts + 24) * MIB, (experts + 23) * MIB],
    ledger: ledger(experts),
  });
  history.append(columns([step(0, 68, 0.7, 0), step(1, 68, 0.7, 0), step(2, 44, 0.4, 2), step(3, 44, 0.6, 2)], 2, 2));
  const stats = (span: number | 'all') => liveStats(history, new BlockSums(history), span, SNAPSHOT);
  return { history, stats };
}

describe('liveStats', () => {
  it('covers the window and nothing else', () => {
    const { stats } = setup();
    expect(stats('all')).toMatchObject({ steps: 4, lastStep: 3, hits: 76, misses: 4, stallMsPerStep: 1 });
    expect(stats('all')).toMatchObject({ routedPairs: 256, droppedPairs: 6, paddingRows: 60 });
    expect(stats(1500)).toMatchObject({ routedPairs: 128, droppedPairs: 5, paddingRows: 50 });
    expect(stats(1500)).toMatchObject({ steps: 2, hits: 36, misses: 4, stallMsPerStep: 2 });
    expect(liveStats(new RunHistory(), new BlockSums(new RunHistory()), 'all', SNAPSHOT)).toBeUndefined();
  });

  it('has the paper’s two figures of balance', () => {
    const { stats } = setup();
    expect(stats('all')?.avgMaxShare).toBeCloseTo((0.7 + 0.7 + 0.6 + 0.6) / 4);
    expect(stats('all')?.maxShare).toBeCloseTo(0.7);
    expect(stats('all')?.devices[0]?.meanShare).toBeCloseTo(0.6);
    expect(stats('all')?.devices[1]?.worstShare).toBeCloseTo(0.6);
  });

  it('gives ledger, peak and rise by device', () => {
    const device = setup().stats('all')?.devices[0];
    expect(device?.totalBytes).toBe(66 * MIB);
    expect(device?.peakBytes).toBe(92 * MIB);
    expect(device?.riseBytes).toBe(2 * MIB);
  });

  it('finds the change that moved the experts, past later ones that did not', () => {
    const { history, stats } = setup();
    const mark = (step: number, label: string) => ({ step, atMs: step * 1000, label, settings: {} as never });
    history.setMarks([mark(2, '64 to 24 slots'), mark(3, 'batch 8 to 4')]);
    expect(stats('all')?.change).toMatchObject({ step: 2, expertsBefore: [68 * MIB, 68 * MIB] });
    // The change lies before this window.
    expect(stats(500)?.change).toBeUndefined();
  });
});

describe('readout', () => {
  it('reads a step and a layer', () => {
    const { history, stats } = setup();
    expect(readoutText(history, stats('all'), SNAPSHOT, { step: 2 })).toBe(
      'Step 2   8 tokens   900 ms, 2.00 ms stalled   90% hits   29.0 of 64 idle   132 MiB',
    );
    expect(readoutText(history, stats('all'), SNAPSHOT, { layer: 1 })).toBe(
      'Layer 1   41.5 of 64 experts idle (40 to 42 in 90% of steps)   10% of 40 requests missed',
    );
    expect(readoutText(history, stats('all'), SNAPSHOT, { step: 99 })).toBeUndefined();
    expect(restText(stats('all'), 'paused at step 3', ', 1 of 4 done')).toBe(
      'Paused at step 3. 4 steps in 3 s, 900 ms each, 1 of 4 done',
    );
  });

  it('copies every value of a step with its unit', () => {
    const { history, stats } = setup();
    const lines = stepCsv(history, SNAPSHOT, 3)?.trim().split('\r\n') ?? [];
    expect(lines[0]).toBe('step,metric,dimension,member,value,unit');
    expect(lines).toContain('3,misses,layer,layer 1,2,requests');
    expect(lines).toContain(`3,ledger experts,device,1,${44 * MIB},B`);
    expect(lines).toContain('3,phase,phase,attention,0,ms');
    expect(stepCsv(history, SNAPSHOT, 99)).toBeUndefined();
    const all = stats('all');
    expect(all && layerCsv(all, SNAPSHOT, 1)?.split('\r\n')[1]).toBe('layer 1,4,41.5,40,42,36,4');
  });
});

describe('step profile', () => {
  const bytes = [
    [6, 10, 0, 44, 4, 0, 0],
    [6, 10, 0, 44, 4, 3, 1],
    [6, 10, 0, 45, 4, 1, 2],
  ];
  const profile: StepProfile = {
    step: 7,
    device: 1,
    atMs: Float32Array.from([0, 2, 3]),
    bytes: Float64Array.from(bytes.flat()),
  };

  it('rises above what is held throughout', () => {
    expect(profileRise(profile)).toEqual({
      floorBytes: 64,
      riseBytes: 4,
      peakMs: 2,
      gatingBytes: 3,
      executionBytes: 2,
    });
  });

  it('draws each category above its own lowest', () => {
    const curves = profileCurves(profile);
    expect(curves).toHaveLength(CATEGORY_COUNT);
    expect(Array.from(curves[3] ?? [])).toEqual([0, 0, 2, 0, 3, 1]);
    expect(Array.from(curves[0] ?? [])).toEqual([0, 0, 2, 0, 3, 0]);
  });
});
