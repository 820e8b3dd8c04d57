import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheQuestion } from '../../engine/coordinator/cache_lab.ts';
import { expertsQuestion } from '../../engine/coordinator/experts_lab.ts';
import { type LabMaterial, openLabSource } from '../../engine/coordinator/lab_source.ts';
import { Labs } from '../../engine/coordinator/labs.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import type { EvictionName } from '../../engine/protocol/settings.ts';
import { cacheTable } from '../../engine/replay/cache_table.ts';
import { expertsMap } from '../../engine/replay/experts_map.ts';
import { Pace } from '../../engine/replay/pace.ts';
import { replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';
import { devices, runTiny } from './tiny_run.ts';

const KIMI = path.resolve('models/traces/kimi-linear-300.jsonl.gz');

function materialOf(recording: RunRecording): LabMaterial {
  const { header } = recording;
  const trace = toTrace(recording);
  const { steps, tokens, experts, topK } = trace;
  const { moeLayers, name: model } = header.model;
  return {
    subject: {
      source: 'run',
      name: header.id,
      model,
      steps,
      tokens,
      moeLayers,
      experts,
      topK,
      devices: header.devices.length,
      routing: 'recorded',
    },
    trace,
    recording,
  };
}

/** Measured [hits, misses] by layer, all devices. */
function measured({ header, steps }: RunRecording): number[][] {
  const layers = Array.from({ length: header.moeLayers }, () => [0, 0]);
  for (const { cache } of steps) {
    for (let at = 0; at < cache.length; at += 4) {
      const layer = layers[(at / 4) % header.moeLayers] as number[];
      layer[0] = (layer[0] ?? 0) + (cache[at] ?? 0);
      layer[1] = (layer[1] ?? 0) + (cache[at + 1] ?? 0);
    }
  }
  return layers;
}

const sum = (list: readonly number[] | undefined) => (list ?? []).reduce((a, b) => a + b, 0);

describe('labs over a run of this engine', () => {
  it('the experts map shows the events that the run counted, through changes of its settings (law 4)', async () => {
    const changes = [{ afterSteps: 6, patch: { cacheSlots: 2, eviction: 'lru' } as const }];
    const { recording } = await runTiny({ cacheSlots: 3, devices: devices(2) }, changes);
    const map = await expertsMap(expertsQuestion(materialOf(recording)), new Pace());
    expect(map.hits.map((row, layer) => [sum(row), sum(map.misses[layer])])).toEqual(measured(recording));
    expect(map.caches).toEqual({ recorded: true, policy: 'lru', slots: 2 });
  });

  it('the cache table meets the measured point at the setting in force', async () => {
    const { recording } = await runTiny({ cacheSlots: 3, eviction: 'lfru', devices: devices(2) });
    const table = await cacheTable(cacheQuestion(materialOf(recording), { scored: 'all' }), new Pace());
    expect(table.inForce).toMatchObject({ policy: 'lfru', slots: 3 });
    const row = table.rows.find(({ policy }) => policy === 'lfru');
    expect(row?.missRate[table.slots.indexOf(3)]).toBe(table.inForce?.measuredMissRate);
    expect(table.byLayer.policy).toBe('lfru');
    const { perExpert } = recording.header.model.deviceBytes;
    expect(table.cost?.bytesPerSlot).toBe(recording.header.moeLayers * perExpert);
    expect(table.cost?.loadMs).toBeGreaterThan(0);
    // What a device needed at most is what the cost says of its size.
    const peak = Math.max(...recording.steps.flatMap(({ peakBytes }) => [...peakBytes]));
    expect((table.cost?.fixedBytes ?? 0) + 3 * (table.cost?.bytesPerSlot ?? 0)).toBeGreaterThanOrEqual(peak);
  });
});

describe('the cache table of a run with loads ahead', () => {
  it.each(['echo', 'router'] as const)('replays them by %s at every size (law 4)', async (prefetch) => {
    const settings = { cacheSlots: 3, eviction: 'lfru', devices: devices(2), prefetch } as const;
    const { recording } = await runTiny(settings);
    const material = materialOf(recording);
    const table = await cacheTable(cacheQuestion(material, { scored: 'all' }), new Pace());
    expect(table.prefetch).toBe(prefetch);
    for (const row of table.rows.filter(({ policy }) => policy !== 'min')) {
      for (const [index, slotsPerLayer] of table.slots.entries()) {
        const { changes } = toTimeline(recording);
        const eviction = row.policy as EvictionName;
        const alone = replayCaches(material.trace, {
          changes: changes.map((change) => ({ ...change, eviction, slotsPerLayer })),
        });
        expect(row.misses[index]).toBe(alone.totals.misses);
      }
    }
    const own = table.rows.find(({ policy }) => policy === 'lfru');
    expect(own?.missRate[table.slots.indexOf(3)]).toBe(table.inForce?.measuredMissRate);
    const without = await cacheTable(cacheQuestion(material, { scored: 'all', prefetch: 'off' }), new Pace());
    expect(without.prefetch).toBeUndefined();
    expect(without.warnings.join(' ')).toContain(`had prefetch ${prefetch}`);
  });

  it('is refused by routers where nothing says what they foresaw', async () => {
    const material = await openLabSource({ kind: 'trace', path: KIMI }, undefined);
    expect(() => cacheQuestion(material, { scored: 'all', prefetch: 'router' })).toThrow('echo or off');
  });
});

describe('labs over a run under gating that pads', () => {
  it.each([
    { gating: 'static', capacity: 0.3, devices: devices(2), placement: 'contiguous' },
    { gating: 'tutel', tutelFactor: 0.5, devices: devices(1), placement: 'contiguous' },
    { gating: 'tutel', tutelFactor: 0, devices: devices(2), placement: 'levelled' },
  ] as const)('count as the run did: $gating on $placement devices (law 4)', async (settings) => {
    const { recording } = await runTiny({ ...settings, cacheSlots: 3, eviction: 'lfru' });
    const [hits, misses] = [0, 1].map((at) => sum(measured(recording).map((layer) => layer[at] ?? 0)));
    const table = await cacheTable(cacheQuestion(materialOf(recording), { scored: 'all' }), new Pace());
    const row = table.rows.find(({ policy }) => policy === 'lfru');
    // A placement from history comes mid-run, and the table knows only the last one.
    if (settings.placement === 'contiguous') {
      expect(table.scored.accesses).toBe((hits ?? 0) + (misses ?? 0));
      expect(row?.misses[table.slots.indexOf(3)]).toBe(misses);
      expect(row?.missRate[table.slots.indexOf(3)]).toBe(table.inForce?.measuredMissRate);
    }
    expect(table.warnings.some((text) => text.includes('asks for every expert'))).toBe(true);
    expect(table.warnings.join(' ')).not.toContain('no pattern in time');
    const map = await expertsMap(expertsQuestion(materialOf(recording)), new Pace());
    expect(map.hits.map((layer, index) => [sum(layer), sum(map.misses[index])])).toEqual(measured(recording));
  });
});

describe('labs of the engine', () => {
  it('answer side by side, and are all cancelled together', async () => {
    const labs = new Labs(() => undefined);
    const source = { kind: 'trace', path: KIMI } as const;
    const life = labs.expertLife({ source, layer: 3, expert: 7 });
    expect((await life).expert?.id).toBe(7);
    const working = [labs.cacheLab({ source, scored: 'all' }), labs.cacheLab({ source, scored: 'all' })];
    const refused = working.map((lab) => expect(lab).rejects.toThrow('cancelled'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(labs.cancel()).toEqual({ cancelled: 2 });
    await Promise.all(refused);
    expect(labs.cancel()).toEqual({ cancelled: 0 });
  });

  it('refuse to look at a run where there is none', async () => {
    await expect(new Labs(() => undefined).expertsMap({ source: { kind: 'live' } })).rejects.toThrow('no run yet');
  });
});
