import path from 'node:path';
import { z } from 'zod';
import type { EngineHostState, RecentModel, ThemeChoice } from '../../src-renderer/bridge/host_api.ts';

/**
 * Every channel between the window and the main process, with what travels on it. The preload script imports the types only;
 * the arguments are parsed in main, for a page is outside even when it is ours.
 */

const NOTHING = z.tuple([]);
const AbsolutePath = z
  .string()
  .min(1)
  .max(4096)
  .refine((text) => path.isAbsolute(text), 'must be an absolute path');
const MOST_SETTINGS_CHARS = 2 ** 20;
const MOST_COPIED_CHARS = 16 * 2 ** 20;
const MOST_REPORT_CHARS = 256 * 2 ** 20;

/** What a page may ask for. Each is answered asynchronously. */
export interface Requests {
  'engine:connect'(): void;
  'engine:state'(): EngineHostState;
  'engine:restart'(): void;
  'model:choose'(): string | undefined;
  'lab:choose'(): string | undefined;
  'recents:list'(): readonly RecentModel[];
  'recents:add'(folder: string): void;
  'recents:remove'(folder: string): void;
  'report:save'(fileName: string, content: string): string | undefined;
  'text:copy'(text: string): void;
  'settings:load'(): string | undefined;
  'settings:save'(json: string): void;
  'theme:set'(theme: ThemeChoice): void;
}
export type RequestChannel = keyof Requests;
export type RequestArguments<C extends RequestChannel> = Parameters<Requests[C]>;
export type RequestResult<C extends RequestChannel> = ReturnType<Requests[C]>;

export const REQUEST_ARGUMENTS: { readonly [C in RequestChannel]: z.ZodType<RequestArguments<C>> } = {
  'engine:connect': NOTHING,
  'engine:state': NOTHING,
  'engine:restart': NOTHING,
  'model:choose': NOTHING,
  'lab:choose': NOTHING,
  'recents:list': NOTHING,
  'recents:add': z.tuple([AbsolutePath]),
  'recents:remove': z.tuple([AbsolutePath]),
  'report:save': z.tuple([
    // A name, not a path: the person picks the folder.
    z.string().regex(/^[^/\\:\0]{1,200}\.(html|json)$/, 'must be a file name that ends in .html or .json'),
    z.string().max(MOST_REPORT_CHARS),
  ]),
  'text:copy': z.tuple([z.string().max(MOST_COPIED_CHARS)]),
  'settings:load': NOTHING,
  'settings:save': z.tuple([z.string().max(MOST_SETTINGS_CHARS).refine(isJson, 'must be JSON')]),
  'theme:set': z.tuple([z.enum(['system', 'light', 'dark'])]),
};

/** What main tells a window, unasked. */
export interface Notices {
  'engine:state-changed': EngineHostState;
  /** Comes with two ports: [control, frames]. */
  'engine:ports': undefined;
  /** Id of a command that was chosen in the menu. */
  'menu:command': string;
}
export type NoticeChannel = keyof Notices;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
