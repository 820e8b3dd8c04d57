import { createStore, type StoreApi } from 'zustand/vanilla';
import type { EngineEvent, EngineSnapshot, Progress } from '../../engine/protocol/messages.ts';
import type { AbsentProvider, DeviceInfo, MachineInfo } from '../../engine/protocol/model.ts';
import type { RunSettings } from '../../engine/protocol/settings.ts';

/** What is known of the engine process, as opposed to the run inside it. */
export type HostState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'running' }
  | {
      readonly kind: 'gone';
      /** In words: "ran out of memory", "crashed", "connection closed". */
      readonly reason: string;
      readonly exitCode?: number;
      readonly stderrTail: readonly string[];
    };

export interface LogLine {
  readonly id: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly line: string;
}

export interface SessionState {
  readonly snapshot: EngineSnapshot;
  readonly host: HostState;
  /** False while another window controls the same engine: everything can be read, nothing changed. */
  readonly writer: boolean;
  readonly machine: MachineInfo | undefined;
  readonly devices: readonly DeviceInfo[];
  readonly absentProviders: readonly AbsentProvider[];
  readonly progress: Progress | undefined;
  readonly log: readonly LogLine[];
  /** Kept from the last run so that it can be restarted after the engine died. */
  readonly lastRunSettings: RunSettings | undefined;
  /** The model to open again when a fresh engine answers. */
  readonly reopenPath: string | undefined;
}

/** Lines kept for the log drawer; older ones are dropped first. */
export const LOG_LINES = 500;

export function createSessionStore(): StoreApi<SessionState> {
  return createStore<SessionState>()(() => ({
    snapshot: { state: 'empty', marks: [] },
    host: { kind: 'connecting' },
    writer: true,
    machine: undefined,
    devices: [],
    absentProviders: [],
    progress: undefined,
    log: [],
    lastRunSettings: undefined,
    reopenPath: undefined,
  }));
}

/** Folds an event of the engine into the session. */
export function applyEngineEvent(session: StoreApi<SessionState>, event: EngineEvent): void {
  switch (event.event) {
    case 'snapshot':
      applySnapshot(session, event.snapshot);
      return;
    case 'progress':
      session.setState({ progress: event.progress });
      return;
    case 'log':
      addLogLine(session, event.level, event.line);
      return;
  }
}

/** Progress belongs to opening and starting; it is dropped when the engine leaves those states. */
export function applySnapshot(session: StoreApi<SessionState>, snapshot: EngineSnapshot): void {
  const busy = snapshot.state === 'opening' || snapshot.state === 'starting';
  session.setState((s) => ({
    snapshot,
    progress: busy ? s.progress : undefined,
    lastRunSettings: snapshot.run?.settings ?? s.lastRunSettings,
  }));
}

export function addLogLine(session: StoreApi<SessionState>, level: LogLine['level'], line: string): void {
  session.setState((s) => {
    const id = (s.log.at(-1)?.id ?? 0) + 1;
    return { log: [...s.log.slice(-(LOG_LINES - 1)), { id, level, line }] };
  });
}
