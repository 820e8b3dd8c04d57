import type {
  CacheTable,
  ExpertLife,
  ExpertsMap,
  LabCaches,
  LabSource,
  LabSubject,
  ReplayPolicy,
} from '../../engine/protocol/labs.ts';
import { EvictionName } from '../../engine/protocol/settings.ts';

/** Answers of the labs made of formulas, in the shape and order of the engine's: for tests of the window, not of numbers. */

const LAYERS = 8;
const EXPERTS = 64;
const STEPS = 120;
const ACCESSES = 48_000;
const SLOTS = [1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64];

/** How steeply misses fall with the size: larger is better. */
const STEEPNESS: Readonly<Partial<Record<ReplayPolicy, number>>> = {
  min: 2.9,
  lfru: 2.05,
  decayed: 2.0,
  sieve: 1.92,
  's3-fifo': 1.88,
  'lifo-lru': 1.8,
  lru: 1.8,
  lfu: 1.7,
  fifo: 1.55,
  lifo: 1.3,
};

const subjectOf = (source: LabSource): LabSubject => ({
  source: source.kind,
  name: source.kind === 'live' ? 'run-1' : source.path,
  model: source.kind === 'live' ? 'demo-lm' : 'OLMoE-1B-7B',
  steps: STEPS,
  tokens: STEPS * 8,
  moeLayers: Array.from({ length: LAYERS }, (_, block) => ({ stack: 'decoder', block })),
  experts: EXPERTS,
  topK: 4,
  devices: 1,
  routing: 'recorded',
});

export function fakeCacheTable(source: LabSource): CacheTable {
  const coldMisses = LAYERS * EXPERTS;
  const missesOf = (policy: ReplayPolicy, slots: number) =>
    Math.round(coldMisses + (ACCESSES - coldMisses) * (1 - (slots - 1) / (EXPERTS - 1)) ** (STEEPNESS[policy] ?? 2.1));
  const policies: ReplayPolicy[] = [...EvictionName.options, 'min'];
  return {
    subject: subjectOf(source),
    how: 'replayed',
    scope: 'layer',
    scored: { rule: 'all', steps: STEPS, accesses: ACCESSES },
    slots: SLOTS,
    rows: policies.map((policy) => {
      const misses = SLOTS.map((slots) => missesOf(policy, slots));
      return {
        policy,
        title: policy.toUpperCase(),
        misses,
        missRate: misses.map((count) => count / ACCESSES),
        missesPerStep: misses.map((count) => count / STEPS),
        verdict: SLOTS.map((slots) => `${slots} slots under ${policy}: the size is the limit`),
      };
    }),
    coldMisses,
    workingSet: 12.5,
    byLayer: {
      policy: 'lru',
      misses: Array.from({ length: LAYERS }, (_, layer) =>
        SLOTS.map((slots) => Math.round((missesOf('lru', slots) / LAYERS) * (0.7 + (layer % 3) * 0.3))),
      ),
      allocation: SLOTS.map((slots) =>
        Array.from({ length: LAYERS }, (_, layer) => slots + ((layer % 3) - 1) * (slots > 4 ? 2 : 0)),
      ),
      allocatedMissRate: SLOTS.map((slots) => (missesOf('lru', slots) / ACCESSES) * 0.97),
    },
    ...(source.kind === 'trace'
      ? {}
      : {
          cost: { fixedBytes: 18 * 2 ** 20, bytesPerSlot: 2 ** 20, baseStepMs: 4, loadMs: 0.21, newTokensPerStep: 8 },
          inForce: { policy: 'lifo' as const, slots: 24, measuredMissRate: missesOf('lifo', 24) / ACCESSES },
        }),
    warnings: ['120 steps of one workload: rankings closer than 1 point may not hold on other text.'],
  };
}

const CACHES: LabCaches = { recorded: true, policy: 'lru', slots: 8 };

const tokensAt = (layer: number, expert: number) =>
  Math.round(400 * Math.exp(-(((expert * 7 + layer * 13) % EXPERTS) / 18)));

export function fakeExpertsMap(source: LabSource): ExpertsMap {
  const map = (value: (layer: number, expert: number) => number) =>
    Array.from({ length: LAYERS }, (_, layer) => Array.from({ length: EXPERTS }, (_, expert) => value(layer, expert)));
  return {
    subject: subjectOf(source),
    caches: CACHES,
    tokens: map(tokensAt),
    hits: map((layer, expert) => Math.round(tokensAt(layer, expert) * 0.8)),
    misses: map((layer, expert) => Math.round(tokensAt(layer, expert) * 0.1)),
    residentOn: map((layer, expert) => (tokensAt(layer, expert) > 100 ? 0 : -1)),
    concentration: Array.from({ length: LAYERS }, (_, layer) => 0.35 + layer * 0.03),
    stability: Array.from({ length: LAYERS }, (_, layer) => 0.9 - layer * 0.05),
  };
}

export function fakeExpertLife(source: LabSource, layer: number, expert: number | undefined): ExpertLife {
  const steps = Array.from({ length: STEPS }, (_, step) => step);
  const isActive = (step: number, id: number) => (step * 31 + id * 17 + layer) % 11 < 3;
  const share = steps.map((step) => {
    const active = Array.from({ length: EXPERTS }, (_, id) => (isActive(step, id) ? 1 + (id % 4) : 0));
    const total = active.reduce((sum, value) => sum + value, 0);
    return active.map((value) => value / total);
  });
  const life = { subject: subjectOf(source), caches: CACHES, layer, steps, share };
  if (expert === undefined) return life;
  const events = steps.flatMap((step) => {
    if (!isActive(step, expert)) return [];
    const kind = step % 5 === 0 ? ('load' as const) : ('hit' as const);
    return [{ step, kind, tokens: 1 + (step % 3) }];
  });
  return {
    ...life,
    expert: {
      id: expert,
      events,
      activeSteps: events.length,
      loads: events.filter(({ kind }) => kind === 'load').length,
    },
  };
}
