import { describe, expect, it } from 'vitest';
import { DEFAULT_RUN } from '../../../engine/protocol/settings.ts';
import {
  changeLabel,
  expertsPerDevice,
  fitTo,
  livePart,
  pendingKeys,
  slotsAt,
  suitedTo,
} from '../../../src-renderer/stores/run_settings.ts';
import { cpuDevice } from '../../ui/fake_machine.ts';
import { DEMO_MODEL } from '../../ui/fake_model.ts';

const device = (id: string) => cpuDevice(id, 1);

it('labels a change by what it was and what it is', () => {
  expect(changeLabel(DEFAULT_RUN, { cacheSlots: 24 }, 64)).toBe('Cache 64 → 24 slots');
  expect(changeLabel(DEFAULT_RUN, { devices: [{ id: 'cpu:0' }, { id: 'cpu:1' }] }, 64)).toBe(
    'Devices 1 × CPU → 2 × CPU',
  );
  expect(changeLabel(DEFAULT_RUN, { eviction: 'lru' }, 64)).toBe('Eviction Paper (LIFO) → LRU');
});

it('sends a running engine the live settings only', () => {
  expect(livePart({ batch: 4, seed: 3 })).toEqual({ batch: 4 });
  expect(livePart({ seed: 3 })).toBeUndefined();
});

it('names what waits for the next run', () => {
  const run = {
    id: 'a',
    settings: DEFAULT_RUN,
    path: '',
    startedAt: '',
    slotsPerLayer: 64,
    copyAfterRows: [0],
    expertsPerDevice: 64,
    budgetBytes: [1],
    lost: [],
    expectedBytes: [1],
  };
  const draft = { ...DEFAULT_RUN, seed: 3, batch: 4 };
  expect(pendingKeys(draft, { state: 'running', run, marks: [] })).toEqual(['seed']);
  expect(pendingKeys(draft, { state: 'finished', run, marks: [] })).toEqual(['batch', 'seed']);
  expect(pendingKeys(draft, { state: 'ready', marks: [] })).toEqual([]);
});

it('the far end of the slider is all experts', () => {
  expect(slotsAt(64, 64)).toBe('all');
  expect(slotsAt(23.6, 64)).toBe(24);
  const devices = [{ id: 'cpu:0' }, { id: 'cpu:1' }, { id: 'cpu:2' }];
  expect(expertsPerDevice(DEMO_MODEL, { placement: 'greedy', devices })).toBe(22);
  expect(expertsPerDevice(DEMO_MODEL, { placement: 'levelled', devices })).toBe(24);
});

describe('fitTo', () => {
  it('replaces devices and samples that are not here', () => {
    const kept = { ...DEFAULT_RUN, devices: [{ id: 'cpu:7' }], prompts: { kind: 'sample' as const, name: 'latin' } };
    const fitted = fitTo(kept, DEMO_MODEL, [device('cpu:0')]);
    expect(fitted.devices).toEqual([{ id: 'cpu:0' }]);
    expect(fitted.prompts).toEqual({ kind: 'sample', name: 'mixed' });
  });

  it('keeps what fits', () => {
    const kept = { ...DEFAULT_RUN, cacheSlots: 24, prompts: { kind: 'sample' as const, name: 'french' } };
    expect(fitTo(kept, DEMO_MODEL, [device('cpu:0')])).toEqual(kept);
  });

  it('gives a model without samples a prompt to begin with', () => {
    const { prompts } = fitTo(DEFAULT_RUN, { ...DEMO_MODEL, samples: [] }, [device('cpu:0')]);
    expect(prompts.kind).toBe('texts');
  });
});

describe('suitedTo', () => {
  const chatty = { ...DEMO_MODEL, chat: true, sampling: { temperature: 0.6, topK: 20 } };

  it("takes on the next model's own, but keeps what a person set", () => {
    expect(suitedTo(DEFAULT_RUN, DEMO_MODEL, chatty)).toEqual({
      ...DEFAULT_RUN,
      chat: true,
      temperature: 0.6,
      topK: 20,
    });
    const set = { ...DEFAULT_RUN, topK: 7, newTokens: 9 };
    expect(suitedTo(set, DEMO_MODEL, chatty)).toMatchObject({ topK: 7, newTokens: 9, temperature: 0.6 });
    expect(suitedTo(suitedTo(DEFAULT_RUN, DEMO_MODEL, chatty), chatty, DEMO_MODEL)).toEqual(DEFAULT_RUN);
  });

  it('takes no chat where there is no template', () => {
    expect(fitTo({ ...DEFAULT_RUN, chat: true }, DEMO_MODEL, [device('cpu:0')]).chat).toBe(false);
    expect(fitTo({ ...DEFAULT_RUN, chat: true }, chatty, [device('cpu:0')]).chat).toBe(true);
  });
});
