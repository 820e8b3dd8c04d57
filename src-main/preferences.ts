import { z } from 'zod';
import { WindowState } from './window_state.ts';

/** What the main process remembers between sessions. The page's own settings are its own affair, see settings.json. */
export const Preferences = z.object({
  theme: z.enum(['system', 'light', 'dark']),
  window: WindowState.optional(),
  /** Electron 43 and later start every dialog in Downloads: so the last folder is kept here, one per purpose. */
  modelFolder: z.string().optional(),
  labFolder: z.string().optional(),
  reportFolder: z.string().optional(),
});
export type Preferences = z.infer<typeof Preferences>;

export const FIRST_PREFERENCES: Preferences = { theme: 'system' };
