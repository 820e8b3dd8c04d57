import { IS_MAC } from '../commands/bind_keys.ts';
import { hotkeyLabels } from '../commands/hotkeys.ts';

/** A hotkey as keys. */
export function Keys({ hotkey }: { readonly hotkey: string }) {
  return (
    <span className="keys">
      {hotkeyLabels(hotkey, IS_MAC).map((label) => (
        <kbd key={label}>{label}</kbd>
      ))}
    </span>
  );
}
