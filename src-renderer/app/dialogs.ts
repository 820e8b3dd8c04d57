import { createStore, type StoreApi } from 'zustand/vanilla';

export type DialogName = 'palette' | 'hotkeys' | 'modelPath' | 'labPath' | 'devices';

/** At most one dialog is open; which one is state of the window, so that commands can open it. */
export interface DialogState {
  readonly open: DialogName | undefined;
}

export const createDialogStore = (): StoreApi<DialogState> => createStore<DialogState>()(() => ({ open: undefined }));
