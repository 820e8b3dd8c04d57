import { createStore, type StoreApi } from 'zustand/vanilla';

/** The one cursor that all charts share. Absent fields are not pointed at. */
export interface Cursor {
  readonly step?: number;
  /** Index into `ModelSummary.moeLayers`. */
  readonly layer?: number;
  readonly expert?: number;
  /** Index into the run's devices. */
  readonly device?: number;
}

export interface SelectionState {
  readonly hover: Cursor;
  /** Set by a click; stays until Escape or another click. */
  readonly pinned: Cursor | undefined;
  setHover(cursor: Cursor): void;
  pin(cursor: Cursor | undefined): void;
}

const NOWHERE: Cursor = {};

const same = (a: Cursor, b: Cursor) =>
  a.step === b.step && a.layer === b.layer && a.expert === b.expert && a.device === b.device;

/** Changes on every mouse move: charts subscribe to it and paint, React components should not follow `hover`. */
export function createSelectionStore(): StoreApi<SelectionState> {
  return createStore<SelectionState>()((set, get) => ({
    hover: NOWHERE,
    pinned: undefined,
    setHover(cursor) {
      if (!same(get().hover, cursor)) set({ hover: cursor });
    },
    pin(cursor) {
      set({ pinned: cursor });
    },
  }));
}
