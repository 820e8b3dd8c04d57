import { describe, expect, it } from 'vitest';
import type { EngineSnapshot, RunState } from '../../engine/protocol/messages.ts';
import type { Audit } from '../../engine/protocol/telemetry.ts';
import type { DeviceStats, IdleLayer, LiveStats } from '../../src-renderer/views/live/live_stats.ts';
import {
  auditText,
  cacheSentence,
  emptyReason,
  frozenReason,
  gatingSentence,
  idleFigure,
  idleSentence,
  loadSentence,
  memorySentence,
  phaseSentence,
  textNote,
} from '../../src-renderer/views/live/sentences.ts';

const MIB = 2 ** 20;

const decoder = (count: number) => Array.from({ length: count }, (_, block) => ({ stack: 'decoder' as const, block }));
const idle = (...means: number[]) => means.map((mean) => ({ steps: 9, mean, low: mean - 3, high: mean + 3 }));

const DEVICE: DeviceStats = {
  meanShare: 1,
  worstShare: 1,
  ledgerBytes: [6, 11, 0, 44, 10, 0, 1].map((mib) => mib * MIB),
  totalBytes: 72 * MIB,
  peakBytes: 73.2 * MIB,
  riseBytes: 1.2 * MIB,
};

const STATS: LiveStats = {
  steps: 1000,
  lastStep: 1283,
  spanMs: 60_000,
  idle: idle(16, 51),
  meanIdle: 33.5,
  cache: [],
  hits: 917,
  misses: 83,
  stallMsPerStep: 0.412,
  hiddenShare: 0,
  computed: 0,
  computeMsPerStep: 0,
  stepMs: 5.5,
  routedPairs: 4000,
  droppedPairs: 0,
  paddingRows: 0,
  phaseMs: [2, 0, 0, 0, 0, 5, 0, 1, 0],
  devices: [DEVICE],
  avgMaxShare: 1,
  maxShare: 1,
  change: undefined,
};

describe('inactive experts', () => {
  it('names the most idle layer and the ones that use most of theirs', () => {
    expect(idleSentence(idle(16, 20, 38, 51), 64, decoder(4))).toBe(
      'Layer 3 leaves 51 of 64 experts idle; layers 0 and 1 use most of theirs.',
    );
    expect(idleSentence(idle(16, 40, 51), 64, decoder(3))).toBe(
      'Layer 2 leaves 51 of 64 experts idle; layer 0 uses most of its own.',
    );
  });

  it('says so when even the busiest layer is mostly idle, when none is, and when all but one are busy', () => {
    expect(idleSentence(idle(45, 47, 49), 64, decoder(3))).toBe(
      'Layer 2 leaves 49 of 64 experts idle; even layer 0, the busiest, leaves 45.',
    );
    expect(idleSentence(idle(0, 0), 64, decoder(2))).toBe('Every layer uses all of its experts.');
    expect(idleSentence(idle(9, 1, 1, 1, 1), 64, decoder(5))).toBe(
      'Layer 0 leaves 9 of 64 experts idle; every other layer uses most of theirs.',
    );
    expect(idleSentence(idle(60, 1, 1, 1, 1, 50), 64, decoder(6))).toBe(
      'Layer 0 leaves 60 of 64 experts idle; 4 layers use most of theirs.',
    );
  });

  const stacks = [
    { stack: 'encoder' as const, block: 1 },
    { stack: 'decoder' as const, block: 1 },
    { stack: 'decoder' as const, block: 3 },
  ];
  it('tells encoder and decoder apart where there are two stacks, and leaves out one that did not run', () => {
    expect(idleSentence(idle(6, 58, 56), 64, stacks)).toBe(
      'The encoder leaves 6 of 64 experts idle in a step that encodes (9.4%); the decoder leaves 57 of 64 experts idle in a step (89.1%).',
    );
    const [encoder, ...rest] = idle(0, 58, 56);
    const still = [{ ...encoder, steps: 0 } as IdleLayer, ...rest];
    expect(idleSentence(still, 64, stacks)).toBe('The decoder leaves 57 of 64 experts idle in a step (89.1%).');
    expect(idleFigure({ ...STATS, idle: still }, 64, stacks)).toBe('– / 89%');
  });

  it('has nothing to say before the first step', () => {
    expect(idleSentence([], 64, [])).toBe('');
    expect([idleFigure(undefined, 64, []), idleFigure(STATS, 64, decoder(2))]).toEqual(['–', '33.5']);
  });
});

describe('memory', () => {
  it('says what experts hold and what the peak left of the budget', () => {
    expect(memorySentence(DEVICE, 0, 96 * MIB, undefined)).toBe(
      'Experts hold 44 MiB of 72 MiB; a step adds 1.20 MiB while it runs. The peak left 22.8 MiB of the budget free.',
    );
  });

  it('compares with before the last change that moved experts', () => {
    const change = { step: 1204, label: '64 to 24 slots', expertsBefore: [0, 68 * MIB] };
    expect(memorySentence(DEVICE, 1, undefined, change)).toBe(
      'Experts hold 44 MiB of 72 MiB, 24 MiB less than before step 1,204.',
    );
  });

  it('does not hide a budget that was exceeded', () => {
    expect(memorySentence(DEVICE, 0, 70 * MIB, undefined)).toContain('The peak was 3.20 MiB over the budget.');
  });
});

describe('expert cache', () => {
  it('gives the rate of loads and what they cost', () => {
    expect(cacheSentence(STATS, 24)).toBe('24 slots a layer: 8.3% of requests load an expert, 412 µs stall a step.');
    expect(cacheSentence({ ...STATS, computed: 83, computeMsPerStep: 2 }, 24)).toBe(
      '24 slots a layer: 8.3% of requests miss, 100% of them computed on the host in 2.00 ms a step, 412 µs stall a step.',
    );
    expect(cacheSentence({ ...STATS, misses: 0 }, 1)).toBe(
      '1 slot a layer: every expert asked for was resident, nothing waited.',
    );
    expect(cacheSentence({ ...STATS, hits: 0, misses: 0 }, 24)).toBe('24 slots a layer: no expert was asked for.');
    expect(cacheSentence(undefined, 24)).toBe('');
  });

  it('names the counter that replay and caches disagree on', () => {
    const counters = { hits: 917, misses: 1234, loads: 1234, evictions: 1200 };
    const audit: Audit = { steps: 10, measured: counters, replayed: counters };
    expect(auditText(audit)).toEqual({ text: 'Replayed 1,234 misses, measured 1,234.', agrees: true });
    expect(auditText({ ...audit, replayed: { ...counters, evictions: 1199 } })).toEqual({
      text: 'Replayed 1,199 evictions, measured 1,200: they must agree.',
      agrees: false,
    });
    expect(auditText(undefined).agrees).toBe(true);
  });
});

describe('load', () => {
  it('compares the busiest device with an even share', () => {
    const devices = [
      { ...DEVICE, meanShare: 0.56 },
      { ...DEVICE, meanShare: 0.44 },
    ];
    expect(loadSentence({ ...STATS, devices, maxShare: 0.63 }, 'greedy', 1 / devices.length)).toBe(
      'Greedy placement: device 0 takes 56% in the mean step; the fullest device took 63% at worst. Even would be 50%.',
    );
  });

  it('says how to get a second device when there is one', () => {
    expect(loadSentence(STATS, 'contiguous', 1)).toMatch(/of a step\. Add a device in the inspector/);
  });

  it('says what padded gating cost, while it is in force and after, and nothing where nothing was padded or dropped', () => {
    expect(gatingSentence({ ...STATS, droppedPairs: 136, paddingRows: 45_595 }, 'static')).toBe(
      'Static (GShard) gating ran 12.8 rows for each real one, and dropped 3.4% of pairs.',
    );
    expect(gatingSentence({ ...STATS, paddingRows: 2000 }, 'megablocks')).toBe(
      'MegaBlocks gating ran 1.5 rows for each real one, and dropped nothing.',
    );
    expect(gatingSentence({ ...STATS, paddingRows: 4000 }, 'dynamic')).toBe(
      'Gating before the last change ran 2 rows for each real one, and dropped nothing.',
    );
    expect([gatingSentence(STATS, 'static'), gatingSentence(undefined, 'static')]).toEqual(['', '']);
  });

  it('names the phase that takes most of a step', () => {
    expect(phaseSentence(STATS)).toBe('The experts take 62.5% of a step.');
    expect(phaseSentence(undefined)).toBe('');
  });
});

describe('states', () => {
  const snapshot = (state: RunState): EngineSnapshot => ({ state, marks: [] });
  const running = { kind: 'running' } as const;
  const gone = { kind: 'gone', reason: 'ran out of memory', stderrTail: [] } as const;

  it('every state without steps has its reason', () => {
    const states: RunState[] = [
      'empty',
      'opening',
      'ready',
      'starting',
      'running',
      'paused',
      'stopping',
      'finished',
      'failed',
    ];
    const reasons = states.map((state) => emptyReason(snapshot(state), running, false));
    for (const reason of reasons) expect(reason).toMatch(/\.$/);
    expect(emptyReason(snapshot('ready'), gone, false)).toContain('ran out of memory');
    expect(emptyReason({ ...snapshot('failed'), error: 'config.json lacks num_experts.' }, running, false)).toBe(
      'config.json lacks num_experts.',
    );
    expect(emptyReason(snapshot('running'), running, true)).toBeUndefined();
  });

  it('frozen data says why and where', () => {
    expect(frozenReason(snapshot('paused'), running, 1284)).toBe('paused at step 1,284');
    expect(frozenReason(snapshot('running'), gone, 7)).toBe('engine gone at step 7');
    expect(frozenReason(snapshot('running'), running, 7)).toBeUndefined();
  });

  it('counts sequences', () => {
    expect([textNote(8, 8), textNote(1, 8), textNote(0, undefined)]).toEqual([
      '8 sequences in flight, batch 8',
      '1 sequence in flight, batch 8',
      '0 sequences',
    ]);
  });
});
