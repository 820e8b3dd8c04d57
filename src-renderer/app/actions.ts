import type { StoreApi } from 'zustand/vanilla';
import type { EngineLink } from '../bridge/engine_link.ts';
import type { Host } from '../bridge/host.ts';
import { createLabActions, type LabActions } from '../labs/lab_actions.ts';
import type { LabState } from '../labs/lab_source.ts';
import type { FrameBus } from '../stores/frame_bus.ts';
import type { SelectionState } from '../stores/selection.ts';
import type { SessionState } from '../stores/session.ts';
import type { SettingsState } from '../stores/settings.ts';
import type { DialogState } from './dialogs.ts';
import type { Notices } from './notices.ts';
import { createRunActions, type RunActions } from './run_actions.ts';
import { createSettingsActions, type SettingsActions } from './settings_actions.ts';

/** What actions work on. They hold no state of their own beyond requests in flight. */
export interface ActionDeps {
  readonly engine: EngineLink;
  readonly host: Host;
  readonly bus: FrameBus;
  readonly session: StoreApi<SessionState>;
  readonly settings: StoreApi<SettingsState>;
  readonly selection: StoreApi<SelectionState>;
  readonly notices: Notices;
  readonly dialogs: StoreApi<DialogState>;
  readonly labs: StoreApi<LabState>;
}

/** Everything a person can do: commands, buttons and the native menu call these and nothing else. */
export type Actions = RunActions & SettingsActions & LabActions;

export function createActions(deps: ActionDeps): Actions {
  return { ...createRunActions(deps), ...createSettingsActions(deps), ...createLabActions(deps) };
}
