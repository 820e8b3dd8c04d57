import type { Dispose } from '../../engine/api.ts';
import type { EngineTransport } from './engine_link.ts';
import type { RecentModel, ThemeChoice } from './host_api.ts';

/** A folder or a file that the person picked. */
export type PathChoice =
  | { readonly kind: 'path'; readonly path: string }
  /** `typed`: there is no such dialog here, let the person type the path. */
  | { readonly kind: 'cancelled' | 'typed' };

/**
 * What surrounds the page: the desktop app or a plain browser. Everything that differs between the two is behind this interface,
 * so no component asks where it runs, except to word a hint.
 */
export interface Host {
  readonly kind: 'desktop' | 'browser';
  readonly transport: EngineTransport;
  chooseModelFolder(): Promise<PathChoice>;
  /** A recorded run or a routing trace. */
  chooseLabFile(): Promise<PathChoice>;
  /** The path of a dropped folder, where the host may know it. */
  pathOfFile(file: File): string | undefined;
  recents(): Promise<readonly RecentModel[]>;
  addRecent(path: string): Promise<void>;
  removeRecent(path: string): Promise<void>;
  /** Lets the person keep a report; resolves to where it went, or undefined when cancelled. */
  saveReport(fileName: string, content: string): Promise<string | undefined>;
  /** What was stored last time, unchecked. */
  readSettings(): Promise<unknown>;
  writeSettings(value: unknown): Promise<void>;
  copyText(text: string): Promise<void>;
  /** For what the host paints itself: window frame, native menus. */
  setTheme(theme: ThemeChoice): Promise<void>;
  /** Ids of commands chosen in the native menu. */
  onCommand(listener: (id: string) => void): Dispose;
}
