import { createStore, type StoreApi } from 'zustand/vanilla';
import type { LabSource } from '../../engine/protocol/labs.ts';

/** What the labs look at: one choice for all of them, so that a trace opened in one is what the next one shows. */
export interface LabState {
  readonly source: LabSource;
  /** Files chosen in this session, latest first. */
  readonly opened: readonly LabFile[];
}

export type LabFile = Exclude<LabSource, { kind: 'live' }>;

export const LIVE: LabSource = { kind: 'live' };

/** Files kept in the picker. */
const MOST_OPENED = 8;

export const createLabStore = (): StoreApi<LabState> => createStore<LabState>()(() => ({ source: LIVE, opened: [] }));

/** Run files are the only ones that end in `.json`; every format of a trace has an ending of its own. */
export const fileSource = (path: string): LabFile => ({ kind: /\.json$/i.test(path) ? 'run' : 'trace', path });

export const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;

export const sameSource = (a: LabSource, b: LabSource): boolean =>
  a.kind === b.kind && (a.kind === 'live' || b.kind === 'live' || a.path === b.path);

/** Chooses a source; a file goes to the head of those opened. */
export function choose(state: LabState, source: LabSource): LabState {
  if (source.kind === 'live') return { ...state, source };
  const others = state.opened.filter((file) => !sameSource(file, source));
  return { source, opened: [source, ...others].slice(0, MOST_OPENED) };
}
