import type { RunSettings } from '../../engine/protocol/settings.ts';
import {
  CATEGORY_COUNT,
  LEDGER_CATEGORIES,
  type MissCurve,
  PHASE_COUNT,
  type StepColumns,
} from '../../engine/protocol/telemetry.ts';

export const LAYERS = 8;
export const EXPERTS = 64;
export const PER_EXPERT_BYTES = 3 * 192 * 64 * 4;
const MIB = 2 ** 20;
const BASE_STEP_MS = 5.2;
const LOAD_MS = 0.12;
const STAYS = 0.75;

/** Small, seeded and good enough: the same run every time. */
export function randomOf(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

export interface FakeStep {
  readonly durationMs: number;
  readonly stallMs: number;
  readonly inactive: number[];
  readonly hits: number[];
  readonly misses: number[];
  readonly shares: number[];
  readonly ledger: number[];
}

/**
 * A pretended demo-lm: routing with popular experts per layer, and LRU caches by stack distance. One pass over the recency list
 * gives hits and misses for every cache size at once, so the curve and the counters of the size in force agree to the unit,
 * as law 4 asks of the real engine.
 */
export class FakeWorkload {
  readonly devices: number;
  readonly most: number;
  private readonly random: () => number;
  /** Recently used first, one list per layer and device. */
  private readonly recency: number[][];
  private readonly active: number[][] = [];
  private slots: number;
  private settings: RunSettings;
  private step = 0;
  private since = 0;
  private accesses = 0;
  /** Misses at each size since the last change [most + 1]. */
  private missesAt: Float64Array;
  private measuredMisses = 0;

  constructor(settings: RunSettings) {
    this.settings = settings;
    this.devices = settings.devices.length;
    this.most = EXPERTS / this.devices;
    this.random = randomOf(settings.seed);
    this.recency = Array.from({ length: LAYERS * this.devices }, () => []);
    this.slots = this.slotsOf(settings);
    this.missesAt = new Float64Array(this.most + 1);
  }

  change(settings: RunSettings): void {
    this.settings = settings;
    this.slots = this.slotsOf(settings);
    this.since = this.step;
    this.accesses = 0;
    this.missesAt = new Float64Array(this.most + 1);
    this.measuredMisses = 0;
  }

  get slotsInForce(): number {
    return this.slots;
  }

  private slotsOf(settings: RunSettings): number {
    return settings.cacheSlots === 'all' ? this.most : Math.min(settings.cacheSlots, this.most);
  }

  private owner(expert: number): number {
    if (this.settings.placement === 'contiguous') return Math.floor(expert / this.most);
    return expert % this.devices;
  }

  next(): FakeStep {
    const hits: number[] = [];
    const misses: number[] = [];
    const inactive: number[] = [];
    const load = new Array<number>(this.devices).fill(0);
    let slowest = 0;
    for (let layer = 0; layer < LAYERS; layer++) {
      const active = this.route(layer);
      inactive.push(EXPERTS - active.size);
      const missed = new Array<number>(this.devices).fill(0);
      for (const [expert, tokens] of active) {
        const device = this.owner(expert);
        load[device] = (load[device] ?? 0) + tokens;
        if (this.touch(layer, device, expert)) missed[device] = (missed[device] ?? 0) + 1;
      }
      const layerMisses = missed.reduce((a, b) => a + b, 0);
      misses.push(layerMisses);
      hits.push(active.size - layerMisses);
      slowest += Math.max(...missed);
    }
    this.step++;
    const pairs = load.reduce((a, b) => a + b, 0);
    const stallMs = slowest * LOAD_MS;
    return {
      durationMs: BASE_STEP_MS / this.devices ** 0.7 + stallMs + this.random() * 0.6,
      stallMs,
      inactive,
      hits,
      misses,
      shares: load.map((tokens) => tokens / pairs),
      ledger: this.ledger(),
    };
  }

  /** Token counts by active expert: a few popular ones, more so in later layers, and which they are changes slowly. */
  private route(layer: number): Map<number, number> {
    const active = new Map<number, number>();
    const before = this.active[layer] ?? [];
    const skew = 2.2 + 0.4 * layer;
    const topic = Math.floor(this.step / 150);
    for (let pair = 0; pair < this.settings.batch * 4; pair++) {
      const rank = Math.floor(EXPERTS * this.random() ** skew);
      const fresh = (rank * 37 + layer * 11 + topic * 5) % EXPERTS;
      // Most pairs go where the step before went: that is what makes a small cache useful.
      const kept = this.random() < STAYS ? before[Math.floor(this.random() * before.length)] : undefined;
      const expert = kept ?? fresh;
      active.set(expert, (active.get(expert) ?? 0) + 1);
    }
    this.active[layer] = [...active.keys()];
    return active;
  }

  /** Whether the access misses at the size in force; counts it for all sizes. */
  private touch(layer: number, device: number, expert: number): boolean {
    const list = this.recency[layer * this.devices + device] ?? [];
    const distance = list.indexOf(expert);
    if (distance !== -1) list.splice(distance, 1);
    list.unshift(expert);
    this.accesses++;
    const needed = distance === -1 ? this.most + 1 : distance + 1;
    for (let size = 1; size < needed && size <= this.most; size++) this.missesAt[size] = (this.missesAt[size] ?? 0) + 1;
    const missed = needed > this.slots;
    if (missed) this.measuredMisses++;
    return missed;
  }

  private ledger(): number[] {
    const rows: number[] = [];
    for (let device = 0; device < this.devices; device++) {
      let resident = 0;
      for (let layer = 0; layer < LAYERS; layer++) {
        resident += Math.min(this.slots, this.recency[layer * this.devices + device]?.length ?? 0);
      }
      const byCategory = {
        embedding: 6 * MIB,
        attention: 9 * MIB,
        otherDense: 0.6 * MIB,
        experts: resident * PER_EXPERT_BYTES,
        kvCache: Math.min(6, 2 + this.step * 0.004) * MIB,
        gatingReorder: (0.2 + (this.step % 5 === 0 ? 0.4 : 0)) * MIB,
        expertExecution: (0.8 + this.random() * 0.3) * MIB,
      };
      rows.push(...LEDGER_CATEGORIES.map((category) => byCategory[category]));
    }
    return rows;
  }

  curve(budgetBytes: number): MissCurve {
    const steps = Math.max(1, this.step - this.since);
    const slots = Int32Array.from({ length: this.most }, (_, i) => i + 1);
    const rate = (size: number) => (this.missesAt[size] ?? 0) / Math.max(1, this.accesses);
    const missRate = Float32Array.from(slots, rate);
    const perStep = Float32Array.from(slots, (size) => (this.missesAt[size] ?? 0) / steps / this.devices);
    const workingSet = this.accesses / steps / LAYERS / this.devices;
    const dense = 24 * MIB;
    const baseStepMs = BASE_STEP_MS / this.devices ** 0.7 + 0.3;
    const missesPerStep = this.measuredMisses / steps / this.devices;
    const knee = [...slots].find((size) => rate(size) <= 0.02) ?? this.most;
    return {
      eviction: this.settings.eviction === 'auto' ? 'lifo' : this.settings.eviction,
      fromStep: this.since,
      toStep: this.step,
      slots,
      missRate,
      missesPerStep: perStep,
      measured: {
        slots: this.settings.cacheSlots,
        missRate: this.measuredMisses / Math.max(1, this.accesses),
        fromStep: this.since,
        toStep: this.step,
        sinceStart: this.since === 0,
        tokensPerSecond: (this.settings.batch * 1000) / (baseStepMs + missesPerStep * LOAD_MS),
      },
      workingSet,
      baseStepMs,
      loadMs: LOAD_MS,
      newTokensPerStep: this.settings.batch,
      slotsThatFit: Math.min(this.most, Math.floor((budgetBytes - dense) / (LAYERS * PER_EXPERT_BYTES))),
      recommended: { slots: knee, reason: 'the smallest size that serves 98% of requests from the cache' },
    };
  }
}

/** Rows of a frame as columns. */
export function columnsOf(
  rows: readonly FakeStep[],
  first: number,
  endMs: readonly number[],
  batch: number,
): StepColumns {
  const flat = (pick: (row: FakeStep) => readonly number[]) => rows.flatMap(pick);
  const devices = rows[0]?.shares.length ?? 1;
  const peak = (row: FakeStep) =>
    Array.from({ length: devices }, (_, d) =>
      row.ledger.slice(d * CATEGORY_COUNT, (d + 1) * CATEGORY_COUNT).reduce((a, b) => a + b, 0.5 * MIB),
    );
  return {
    count: rows.length,
    step: Int32Array.from(rows, (_, i) => first + i),
    endMs: Float64Array.from(endMs),
    durationMs: Float32Array.from(rows, (row) => row.durationMs),
    tokens: Int32Array.from(rows, () => batch),
    newTokens: Int32Array.from(rows, () => batch),
    stallMs: Float32Array.from(rows, (row) => row.stallMs),
    hiddenMs: new Float32Array(rows.length),
    computed: new Int32Array(rows.length),
    computeMs: new Float32Array(rows.length),
    inactive: Uint16Array.from(flat((row) => row.inactive)),
    hits: Uint16Array.from(flat((row) => row.hits)),
    misses: Uint16Array.from(flat((row) => row.misses)),
    evictions: Uint16Array.from(flat((row) => row.misses)),
    ledgerBytes: Float64Array.from(flat((row) => row.ledger)),
    peakBytes: Float64Array.from(flat(peak)),
    deviceShare: Float32Array.from(flat((row) => row.shares)),
    phaseMs: Float32Array.from(flat(phases)),
    routedPairs: new Int32Array(rows.length),
    droppedPairs: new Int32Array(rows.length),
    paddingRows: new Int32Array(rows.length),
  };
}

function phases(row: FakeStep): number[] {
  const work = row.durationMs - row.stallMs;
  const parts = [0.24, 0.06, 0.04, 0.05, 0, 0.42, 0.05, 0.1, 0.04].map((part) => part * work);
  parts[4] = row.stallMs;
  return parts.slice(0, PHASE_COUNT);
}
