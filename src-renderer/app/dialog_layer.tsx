import '../commands/commands.css';
import { Dialog } from '@base-ui/react/dialog';
import type { ComponentType } from 'react';
import { useStore } from 'zustand/react';
import { CommandPalette } from '../commands/command_palette.tsx';
import { HotkeySheet } from '../commands/hotkey_sheet.tsx';
import { DevicesDialog } from '../devices/devices_dialog.tsx';
import { FitDialog } from '../fit/fit_dialog.tsx';
import { LabPathDialog } from '../labs/lab_path_dialog.tsx';
import { useStudio } from './context.tsx';
import type { DialogName } from './dialogs.ts';
import { ModelPathDialog } from './model_path_dialog.tsx';

const DIALOGS: Readonly<Record<DialogName, ComponentType>> = {
  palette: CommandPalette,
  hotkeys: HotkeySheet,
  modelPath: ModelPathDialog,
  fit: FitDialog,
  labPath: LabPathDialog,
  devices: DevicesDialog,
};

/** The one open dialog, if any: focus is trapped in it and goes back to where it was. */
export function DialogLayer() {
  const { dialogs } = useStudio();
  const open = useStore(dialogs, (s) => s.open);
  const Body = open === undefined ? undefined : DIALOGS[open];
  return (
    <Dialog.Root
      open={Body !== undefined}
      onOpenChange={(next) => {
        if (!next) dialogs.setState({ open: undefined });
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="dialog-shade" />
        <Dialog.Popup className="dialog">{Body !== undefined && <Body />}</Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
