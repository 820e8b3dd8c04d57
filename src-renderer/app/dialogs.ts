import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ModelFit } from '../../engine/protocol/fit.ts';

export type DialogName = 'palette' | 'hotkeys' | 'modelPath' | 'fit' | 'labPath' | 'devices';

/** At most one dialog is open; which one is state of the window, so that commands can open it. */
export interface DialogState {
  readonly open: DialogName | undefined;
  /** What the fit dialog is about. */
  readonly fit?: ModelFit;
}

export const createDialogStore = (): StoreApi<DialogState> => createStore<DialogState>()(() => ({ open: undefined }));
