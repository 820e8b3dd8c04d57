import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_RUN } from '../../../engine/protocol/settings.ts';
import {
  createSettingsStore,
  DEFAULT_UI,
  realChange,
  record,
  redo,
  type SettingsState,
  UNDO_LIMIT,
  undo,
} from '../../../src-renderer/stores/settings.ts';

const start: SettingsState = { ui: DEFAULT_UI, draft: DEFAULT_RUN, past: [], future: [] };

describe('undo and redo', () => {
  it('walk the same way back and forth', () => {
    const patch = fc.oneof(
      fc.record({ batch: fc.integer({ min: 1, max: 256 }) }),
      fc.record({ cacheSlots: fc.integer({ min: 1, max: 64 }), seed: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(patch, { maxLength: 20 }), (patches) => {
        const end = patches.reduce((state, change) => record(state, 'change', change), start);
        let back = end;
        for (let i = 0; i < patches.length; i++) back = undo(back);
        expect(back.draft).toEqual(start.draft);
        let forth = back;
        for (let i = 0; i < patches.length; i++) forth = redo(forth);
        expect(forth).toEqual(end);
      }),
    );
  });

  it('a new change ends what could be redone', () => {
    const changed = record(undo(record(start, 'a', { batch: 4 })), 'b', { batch: 2 });
    expect(redo(changed)).toEqual(changed);
  });

  it('keeps the latest changes only', () => {
    let state = start;
    for (let i = 1; i <= UNDO_LIMIT + 5; i++) state = record(state, `batch ${i}`, { batch: i });
    expect(state.past).toHaveLength(UNDO_LIMIT);
    expect(state.past.at(-1)?.label).toBe(`batch ${UNDO_LIMIT + 5}`);
  });
});

it('a change to what is already set is no change', () => {
  expect(realChange(DEFAULT_RUN, { devices: [{ id: 'cpu:0' }], batch: 8 })).toBeUndefined();
  expect(realChange(DEFAULT_RUN, { batch: 8, seed: 12 })).toEqual({ seed: 12 });
});

describe('stored settings', () => {
  it('a bad half falls back by itself', () => {
    const stored = { version: 1, ui: { ...DEFAULT_UI, theme: 'light' }, run: { ...DEFAULT_RUN, batch: -3 } };
    const { ui, draft } = createSettingsStore(stored).getState();
    expect(ui.theme).toBe('light');
    expect(draft).toEqual(DEFAULT_RUN);
  });

  it('anything else is the default', () => {
    for (const stored of [undefined, null, 'x', { version: 99 }]) {
      expect(createSettingsStore(stored).getState()).toMatchObject({ ui: DEFAULT_UI, draft: DEFAULT_RUN });
    }
  });
});
