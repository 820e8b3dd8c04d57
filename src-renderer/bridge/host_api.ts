import type { Dispose } from '../../engine/api.ts';

/**
 * What the preload script offers the page as `window.studioHost`. Types only: the page, the preload and the main process
 * compile against this one file, and nothing else of Electron reaches the page.
 *
 * The engine's ports cannot pass through such functions, so they come as a window message:
 * after `connectEngine()` the page gets `EnginePortsMessage` with `event.ports` = [control, frames] (see message_ports.ts),
 * once the engine runs and again after every restart. Take it only where `event.source === window` and
 * `event.origin === location.origin`.
 */
export interface StudioHost {
  readonly platform: 'linux' | 'darwin' | 'win32';

  /** Asks for the engine's ports. Call it after the message listener is in place; again only after a reload of the page. */
  connectEngine(): Promise<void>;
  engineState(): Promise<EngineHostState>;
  onEngineState(listener: (state: EngineHostState) => void): Dispose;
  /** Starts a fresh engine process; one that still runs is stopped first. Resolves when the new one has been forked. */
  restartEngine(): Promise<void>;

  /** A folder dialog. Undefined when cancelled. */
  chooseModelFolder(): Promise<string | undefined>;
  /** A file dialog for recorded runs and routing traces. Undefined when cancelled. */
  chooseLabFile(): Promise<string | undefined>;
  /** The path of a dropped file or folder; an empty string for files that are not on a disk. */
  pathOfDrop(file: DroppedFile): string;
  /** Folders that were opened, latest first. */
  recents(): Promise<readonly RecentModel[]>;
  /** Call it when a model was opened, however its folder was named. */
  addRecent(path: string): Promise<void>;
  removeRecent(path: string): Promise<void>;

  /** A save dialog, then an atomic write. Resolves to the path, or undefined when cancelled. */
  saveReport(fileName: string, content: string): Promise<string | undefined>;
  copyText(text: string): Promise<void>;

  /** The page's settings as one JSON text, as last saved; undefined on the first start. */
  loadSettings(): Promise<string | undefined>;
  /** At most 1 MiB; must be JSON. */
  saveSettings(json: string): Promise<void>;
  /** Sets what `prefers-color-scheme` says, and the window's own colours. Remembered. */
  setTheme(theme: ThemeChoice): Promise<void>;

  /** Ids of commands chosen in the native menu, as in the page's command registry. */
  onCommand(listener: (id: string) => void): Dispose;
}

export type EngineHostState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'running' }
  | {
      readonly kind: 'gone';
      /** `crashed`, `killed`, `oom`, `exited`, `launch-failed`, ... as Chromium words it. */
      readonly reason: string;
      readonly exitCode?: number;
      /** The last lines that the process wrote to stderr, oldest first. */
      readonly stderrTail: readonly string[];
    };

export interface EnginePortsMessage {
  readonly type: 'moe-engine-port';
}

export interface RecentModel {
  readonly path: string;
  readonly name: string;
  /** ISO 8601. */
  readonly openedAt: string;
  /** False where the folder is not there any more. */
  readonly exists: boolean;
}

export type ThemeChoice = 'system' | 'light' | 'dark';

/** A DOM `File`; named so because this file is also compiled without the DOM's types. */
export interface DroppedFile {
  readonly name: string;
}

declare global {
  interface Window {
    /** Absent in a plain browser. */
    readonly studioHost?: StudioHost;
  }
}
