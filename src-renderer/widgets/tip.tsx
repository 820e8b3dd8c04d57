import { Tooltip } from '@base-ui/react/tooltip';
import type { ReactElement, ReactNode } from 'react';
import { Keys } from './keys.tsx';

interface TipProps {
  readonly text: ReactNode;
  readonly hotkey?: string;
  /** The element that is explained; it gets the pointer and focus handlers. */
  readonly children: ReactElement;
}

/** A short explanation on hover and on keyboard focus. Never the only place where something is said. */
export function Tip({ text, hotkey, children }: TipProps) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger render={children} />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={6} className="popup-layer">
          <Tooltip.Popup className="tip">
            {text}
            {hotkey !== undefined && <Keys hotkey={hotkey} />}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
