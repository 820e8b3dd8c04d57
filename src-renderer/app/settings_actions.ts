import { LiveSettings as LiveSchema, type LiveSettings } from '../../engine/protocol/settings.ts';
import { changeLabel, expertsPerDevice, livePart, takesChanges } from '../stores/run_settings.ts';
import {
  type HistoryEntry,
  pick,
  type RunPatch,
  realChange,
  record,
  redo,
  sameValue,
  type UiSettings,
  undo,
} from '../stores/settings.ts';
import type { ActionDeps } from './actions.ts';

export interface SettingsActions {
  /** Changes run settings as one undoable step: at once where a running engine can, else for the next run. */
  change(patch: RunPatch): Promise<void>;
  undo(): Promise<void>;
  redo(): Promise<void>;
  setUi(patch: Partial<UiSettings>): void;
  /** Takes over what the engine says is in force, unless a change of ours is still on its way. */
  adoptLiveSettings(): void;
}

export function createSettingsActions({ engine, session, settings, notices }: ActionDeps): SettingsActions {
  let inFlight = 0;
  // Changes go out one after the other: the engine applies each at a step boundary, and the last one must win.
  let last: Promise<unknown> = Promise.resolve();

  /** Sends the live part; on refusal `restore` takes the setting back and the error goes on to the caller. */
  async function send(patch: RunPatch, restore: () => void) {
    const live = livePart(patch);
    if (live === undefined || !takesChanges(session.getState().snapshot)) return;
    inFlight++;
    const sent = last.then(() => engine.request('change', live));
    last = sent.catch(() => undefined);
    try {
      await sent;
    } catch (error) {
      restore();
      throw error;
    } finally {
      inFlight--;
    }
  }

  async function move(direction: 'undo' | 'redo') {
    const entry = (direction === 'undo' ? settings.getState().past : settings.getState().future).at(-1);
    if (entry === undefined) return;
    const before = settings.getState();
    settings.setState(direction === 'undo' ? undo : redo);
    notices.notify({
      kind: 'done',
      key: 'setting',
      title: direction === 'undo' ? `Undone: ${entry.label}` : `Redone: ${entry.label}`,
      action: direction === 'undo' ? { label: 'Redo', run: () => void move('redo') } : undoButton(),
    });
    await send(direction === 'undo' ? entry.before : entry.after, () => settings.setState(before));
  }
  const undoButton = () => ({ label: 'Undo', run: () => void move('undo') });

  return {
    async change(patch) {
      const before = settings.getState();
      const changed = realChange(before.draft, patch);
      if (changed === undefined) return;
      const { model, run } = session.getState().snapshot;
      const owned = model === undefined ? 0 : expertsPerDevice(model, before.draft);
      const most = run?.expertsPerDevice ?? owned;
      const label = changeLabel(before.draft, changed, most);
      settings.setState((s) => record(s, label, changed));
      notices.notify({ kind: 'done', key: 'setting', title: label, action: undoButton() });
      const entry = settings.getState().past.at(-1);
      await send(changed, () => settings.setState((s) => (entry === undefined ? s : takeBack(s, entry))));
    },
    undo: () => move('undo'),
    redo: () => move('redo'),
    setUi(patch) {
      settings.setState((s) => ({ ui: { ...s.ui, ...patch } }));
    },
    adoptLiveSettings() {
      const { snapshot } = session.getState();
      const { run } = snapshot;
      if (run === undefined || inFlight > 0 || !takesChanges(snapshot)) return;
      const live = pick(run.settings, Object.keys(LiveSchema.shape) as (keyof LiveSettings)[]);
      const { draft } = settings.getState();
      if (!sameValue(pick(draft, Object.keys(live) as (keyof LiveSettings)[]), live)) {
        settings.setState({ draft: { ...draft, ...live } });
      }
    },
  };
}

/** Removes a refused change from the settings and from the list of what can be undone. */
function takeBack<S extends { draft: object; past: readonly HistoryEntry[] }>(state: S, entry: HistoryEntry): S {
  return { ...state, draft: { ...state.draft, ...entry.before }, past: state.past.filter((other) => other !== entry) };
}
