import { z } from 'zod';
import { createStore, type StoreApi } from 'zustand/vanilla';
import { DEFAULT_RUN, RunSettings } from '../../engine/protocol/settings.ts';

export const ThemeChoice = z.enum(['system', 'light', 'dark']);
export type ThemeChoice = z.infer<typeof ThemeChoice>;

export const UiSettings = z.object({
  theme: ThemeChoice,
  /** Id of the open view. */
  view: z.string().catch('live'),
  inspectorOpen: z.boolean(),
  logOpen: z.boolean(),
});
export type UiSettings = z.infer<typeof UiSettings>;

export const DEFAULT_UI: UiSettings = { theme: 'system', view: 'live', inspectorOpen: true, logOpen: false };

/** What is kept between starts. Each half is checked by itself, so that a bad run setting does not cost the theme. */
export const StoredSettings = z.object({
  version: z.literal(1),
  ui: UiSettings.catch(DEFAULT_UI),
  run: RunSettings.catch(DEFAULT_RUN),
});
export type StoredSettings = z.infer<typeof StoredSettings>;

export type RunPatch = Partial<RunSettings>;

/** One undoable change of run settings, by name and value, so that it can be applied again to any state. */
export interface HistoryEntry {
  readonly label: string;
  readonly before: RunPatch;
  readonly after: RunPatch;
}

/** Changes that can be undone; older ones are forgotten first. */
export const UNDO_LIMIT = 100;

export interface SettingsState {
  readonly ui: UiSettings;
  /** What the person chose: in force where a running engine takes it live, else for the next run. */
  readonly draft: RunSettings;
  readonly past: readonly HistoryEntry[];
  readonly future: readonly HistoryEntry[];
}

export function createSettingsStore(stored: unknown): StoreApi<SettingsState> {
  const parsed = StoredSettings.safeParse(stored);
  const { ui, run } = parsed.success ? parsed.data : { ui: DEFAULT_UI, run: DEFAULT_RUN };
  return createStore<SettingsState>()(() => ({ ui, draft: run, past: [], future: [] }));
}

/** The part of `patch` that differs from `settings`, or undefined when nothing does. */
export function realChange(settings: RunSettings, patch: RunPatch): RunPatch | undefined {
  const keys = (Object.keys(patch) as (keyof RunSettings)[]).filter((key) => !sameValue(settings[key], patch[key]));
  return keys.length === 0 ? undefined : pick(patch, keys);
}

export function pick(settings: RunPatch, keys: readonly (keyof RunSettings)[]): RunPatch {
  return Object.fromEntries(keys.map((key) => [key, settings[key]]));
}

/** Settings are plain data: equal when they read the same. */
export const sameValue = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** Applies and remembers a change. A new change ends the line of what could be redone. */
export function record(state: SettingsState, label: string, patch: RunPatch): SettingsState {
  const before = pick(state.draft, Object.keys(patch) as (keyof RunSettings)[]);
  return {
    ...state,
    draft: { ...state.draft, ...patch },
    past: [...state.past.slice(-(UNDO_LIMIT - 1)), { label, before, after: patch }],
    future: [],
  };
}

export function undo(state: SettingsState): SettingsState {
  const entry = state.past.at(-1);
  if (entry === undefined) return state;
  return {
    ...state,
    draft: { ...state.draft, ...entry.before },
    past: state.past.slice(0, -1),
    future: [...state.future, entry],
  };
}

export function redo(state: SettingsState): SettingsState {
  const entry = state.future.at(-1);
  if (entry === undefined) return state;
  return {
    ...state,
    draft: { ...state.draft, ...entry.after },
    past: [...state.past, entry],
    future: state.future.slice(0, -1),
  };
}
