import { describe, expect, it } from 'vitest';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { bucketSteps } from '../../engine/report/data/buckets.ts';
import { reportData } from '../../engine/report/report_data.ts';
import { reportJson } from '../../engine/report/report_json.ts';
import { syntheticRun } from './synthetic_run.ts';

const run = syntheticRun();
const data = reportData(run);
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

/** Distinct experts of a layer in a step, counted the plain way. */
function active({ ids }: RunRecording['steps'][number], layer: number): number {
  const pairs = ids.length / run.header.moeLayers;
  return new Set(ids.subarray(layer * pairs, (layer + 1) * pairs)).size;
}

/** Total of one cache counter over steps, devices, and one layer or all. */
function counter(index: number, layer?: number): number {
  return sum(
    run.steps.map(({ cache }) =>
      sum(
        cache.filter(
          (_, at) => at % 4 === index && (layer === undefined || Math.floor(at / 4) % run.header.moeLayers === layer),
        ),
      ),
    ),
  );
}

describe('bucketSteps', () => {
  it.each([
    [0, 10],
    [1, 10],
    [9, 10],
    [10, 10],
    [11, 10],
    [997, 240],
  ])('cuts %i steps into at most %i runs without gap or overlap', (steps, most) => {
    const buckets = bucketSteps(steps, most);
    expect(buckets.length).toBe(Math.min(steps, most));
    let next = 0;
    for (const { from, to } of buckets) {
      expect(from).toBe(next);
      expect(to).toBeGreaterThan(from);
      next = to;
    }
    expect(next).toBe(steps);
  });
});

describe('reportData', () => {
  it('counts idle experts', () => {
    for (const [layer, { mean, low, high }] of data.idle.entries()) {
      const idle = run.steps.map((step) => run.header.experts - active(step, layer));
      expect(mean).toBeCloseTo(sum(idle) / idle.length, 9);
      const inside = idle.filter((value) => value >= low && value <= high).length / idle.length;
      expect(inside).toBeGreaterThanOrEqual(0.8);
      expect(low).toBeLessThanOrEqual(mean);
      expect(high).toBeGreaterThanOrEqual(mean);
    }
  });

  it('adds up cache counters by layer and in all', () => {
    const { all, layers, audit } = data.cache;
    expect(all).toMatchObject({ hits: counter(0), misses: counter(1), loads: counter(2), evictions: counter(3) });
    expect(all.hitRate).toBeCloseTo(counter(0) / (counter(0) + counter(1)), 12);
    for (const [layer, counts] of layers.entries()) {
      expect(counts).toMatchObject({
        hits: counter(0, layer),
        misses: counter(1, layer),
        evictions: counter(3, layer),
      });
    }
    expect(counter(1)).toBeGreaterThan(0);
    // Requests are the distinct experts of a step.
    expect(all.hits + all.misses).toBe(sum(run.steps.flatMap((step) => layers.map((_, layer) => active(step, layer)))));
    expect(audit.replayed).toEqual(audit.measured);
  });

  it('shows when replay and the live counters differ', () => {
    const [first, ...rest] = run.steps;
    if (first === undefined) throw new Error('no steps');
    const cache = first.cache.slice();
    cache[1] = (cache[1] ?? 0) + 1;
    const { audit } = reportData({ ...run, steps: [{ ...first, cache }, ...rest] }).cache;
    expect(audit.measured.misses - audit.replayed.misses).toBe(1);
  });

  it('weights hit rate and load by what was asked for, not by step', () => {
    const buckets = bucketSteps(run.steps.length);
    const last = buckets.at(-1);
    const inLast = run.steps.slice(last?.from, last?.to);
    const [hits, misses] = [0, 1].map((index) =>
      sum(inLast.map(({ cache }) => sum(cache.filter((_, at) => at % 4 === index)))),
    );
    expect(data.cache.overTime.hitRate.at(-1)).toBeCloseTo((hits ?? 0) / ((hits ?? 0) + (misses ?? 0)), 12);
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      expect(sum(data.load.share.map((share) => share[bucket] ?? 0))).toBeCloseTo(1, 5);
    }
    const tokens = sum(run.steps.map((step) => step.tokens));
    expect(data.load.meanShare[0]).toBeCloseTo(
      sum(run.steps.map((step) => (step.share[0] ?? 0) * step.tokens)) / tokens,
      9,
    );
    const largest = run.steps.map(({ share }) => Math.max(...share));
    expect(data.load.averageMaxLoad).toBeCloseTo(sum(largest) / largest.length, 9);
    expect(data.load.maxLoad).toBe(Math.max(...largest));
  });

  it('finds the highest memory and the rise within steps', () => {
    for (const [device, use] of data.memory.entries()) {
      const peaks = run.steps.map(({ peakBytes }) => peakBytes[device] ?? 0);
      expect(use.highestBytes).toBe(Math.max(...peaks));
      expect(peaks[use.highestStep]).toBe(use.highestBytes);
      expect(Math.max(...use.peakBytes)).toBe(use.highestBytes);
      expect(use.bytes).toHaveLength(CATEGORY_COUNT);
      const ends = run.steps.map(({ ledgerBytes }) =>
        sum(ledgerBytes.subarray(device * CATEGORY_COUNT, (device + 1) * CATEGORY_COUNT)),
      );
      expect(sum(use.meanBytes)).toBeCloseTo(sum(ends) / ends.length, 0);
      expect(use.meanSpikeBytes).toBeCloseTo(sum(peaks.map((peak, step) => peak - (ends[step] ?? 0))) / ends.length, 0);
      const experts = use.bytes[LEDGER_CATEGORIES.indexOf('experts')];
      expect(experts?.at(-1)).toBeLessThan(experts?.[0] ?? 0);
    }
  });

  it('parts prefill from decode steps', () => {
    expect(data.times.map(({ kind, steps }) => [kind, steps])).toEqual([
      ['prefill', 4],
      ['decode', 396],
    ]);
    for (const { meanMs, phaseMs } of data.times) expect(sum(phaseMs) / meanMs).toBeCloseTo(1, 5);
  });

  it('has a curve that meets the measured point, under the last settings only', () => {
    const { curve } = data;
    if (curve === undefined) throw new Error('no curve');
    expect(curve).toMatchObject({ fromStep: 340, toStep: 400, eviction: 'lru', measured: { slots: 12 } });
    expect(curve.slots).toContain(12);
    expect(curve.slots).toEqual([...curve.slots].sort((a, b) => a - b));
    const at = curve.slots.indexOf(12);
    // To the unit: both count the same requests.
    expect(curve.missRate[at]).toBe(curve.measured.missRate);
    for (const [index, rate] of curve.missRate.entries())
      expect(rate).toBeLessThanOrEqual((curve.missRate[index - 1] ?? 1) + 1e-6);
  });

  it('keeps texts with the tokens that waited', () => {
    const [sample] = data.texts;
    expect(sample).toMatchObject({ sequence: 0, promptTokens: 64, newTokens: 128 });
    const emitted = run.steps.flatMap((step) => step.emitted.filter(([sequence]) => sequence === 0));
    expect(sample?.waitedTokens).toBe(emitted.filter(([, , waited]) => waited === 1).length);
    const whole = emitted.map(([, , , text]) => text).join('');
    expect(whole.startsWith((sample?.runs.map(({ text }) => text).join('') ?? '?').replace(/ …$/, ''))).toBe(true);
  });

  it('parts of the run add up to the whole', () => {
    expect(sum(data.pace.map(({ misses }) => misses))).toBe(data.cache.all.misses);
    expect(sum(data.pace.map(({ stallMs }) => stallMs))).toBeCloseTo(data.totals.stallMs, 6);
    expect(data.pace.at(-1)?.toStep).toBe(run.steps.length);
  });

  it('makes sense of a run without a step', () => {
    const empty = reportData(syntheticRun({ steps: 0 }));
    expect(empty.totals).toMatchObject({ steps: 0, newTokens: 0 });
    expect(empty.curve).toBeUndefined();
    expect(empty.times).toEqual([]);
  });
});

describe('reportJson', () => {
  it('holds the same numbers, and says where they come from', () => {
    const json = JSON.parse(reportJson(run));
    expect(json).toMatchObject({ format: 'moe-studio-report', version: 1, totals: { steps: 400 }, header: run.header });
    expect(json.cache.all).toEqual(data.cache.all);
    expect(json.order.memoryCategories).toEqual(LEDGER_CATEGORIES);
    for (const part of ['totals', 'idle', 'memory', 'cache', 'curve', 'load', 'times', 'pace']) {
      expect(json.origin[part]).toMatch(/measured|replayed/);
      expect(json[part]).toBeDefined();
    }
  });
});
