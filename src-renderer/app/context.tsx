import { createContext, useContext } from 'react';
import { useStore } from 'zustand/react';
import type { StoreApi } from 'zustand/vanilla';
import type { EngineLink } from '../bridge/engine_link.ts';
import type { Host } from '../bridge/host.ts';
import type { CommandRegistry } from '../commands/registry.ts';
import type { PrecisionLab } from '../inspector/precision_lab.ts';
import type { KeptQueries } from '../labs/kept_queries.ts';
import type { LabState } from '../labs/lab_source.ts';
import type { FrameBus } from '../stores/frame_bus.ts';
import type { SelectionState } from '../stores/selection.ts';
import type { SessionState } from '../stores/session.ts';
import type { SettingsState } from '../stores/settings.ts';
import type { SummaryState } from '../stores/summary.ts';
import type { GatingLab } from '../views/gating/gating_lab.ts';
import type { Actions } from './actions.ts';
import type { DialogState } from './dialogs.ts';
import type { Notices } from './notices.ts';

/** Everything a component may reach. Made once, in `create_studio.ts`; tests make their own with a fake engine. */
export interface Studio {
  readonly engine: EngineLink;
  /** Frames by the ring: charts subscribe here; React does not render per frame. */
  readonly bus: FrameBus;
  readonly session: StoreApi<SessionState>;
  readonly settings: StoreApi<SettingsState>;
  readonly selection: StoreApi<SelectionState>;
  readonly summary: StoreApi<SummaryState>;
  readonly commands: CommandRegistry;
  readonly actions: Actions;
  readonly host: Host;
  readonly notices: Notices;
  readonly dialogs: StoreApi<DialogState>;
  /** What the labs look at. */
  readonly labs: StoreApi<LabState>;
  /** What the labs asked last, and its answers. */
  readonly labQueries: KeptQueries;
  /** The gating experiment, kept while other views are looked at. */
  readonly gatingLab: GatingLab;
  /** What few bits cost, as measured, and the expert packs on disk. */
  readonly precisionLab: PrecisionLab;
}

export const StudioContext = createContext<Studio | undefined>(undefined);

export function useStudio(): Studio {
  const studio = useContext(StudioContext);
  if (studio === undefined) throw new Error('useStudio outside of StudioContext');
  return studio;
}

/** Selectors return a field or a primitive: a fresh object per call would render for ever. */
export const useSession = <T,>(selector: (state: SessionState) => T): T => useStore(useStudio().session, selector);
export const useSettings = <T,>(selector: (state: SettingsState) => T): T => useStore(useStudio().settings, selector);
export const useSelection = <T,>(selector: (state: SelectionState) => T): T =>
  useStore(useStudio().selection, selector);
export const useSummary = <T,>(selector: (state: SummaryState) => T): T => useStore(useStudio().summary, selector);
