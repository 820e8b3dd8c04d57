/**
 * Hotkeys are written as people read them: `Mod+Shift+P`, `Space`, `.`, `?`. Mod is Command on macOS and Control elsewhere.
 */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** Whether the press is the hotkey. `isMac` decides what Mod means. */
export function matchesHotkey(press: KeyPress, hotkey: string, isMac: boolean): boolean {
  const parts = hotkey.split('+');
  const key = parts.at(-1) ?? '';
  const mod = isMac ? press.metaKey : press.ctrlKey;
  const otherMod = isMac ? press.ctrlKey : press.metaKey;
  if (mod !== parts.includes('Mod') || otherMod || press.altKey) return false;
  const letter = /^[a-z]$/i.test(key);
  // A sign such as ? is typed with Shift on some layouts and without on others, so Shift counts for letters only.
  if (letter && press.shiftKey !== parts.includes('Shift')) return false;
  return keyName(press, letter).toLowerCase() === key.toLowerCase();
}

/** The pressed key; for letters on a layout without Latin letters, the key's place on the board. */
function keyName(press: KeyPress, letter: boolean): string {
  if (press.key === ' ') return 'Space';
  const latin = press.key.length !== 1 || press.key.charCodeAt(0) < 128;
  return letter && !latin && press.code.startsWith('Key') ? press.code.slice(3) : press.key;
}

/** For display: `⌘⇧P` on macOS, `Ctrl Shift P` elsewhere, one entry a key. */
export function hotkeyLabels(hotkey: string, isMac: boolean): string[] {
  return hotkey.split('+').map((part) => {
    if (part === 'Mod') return isMac ? '⌘' : 'Ctrl';
    if (part === 'Shift') return isMac ? '⇧' : 'Shift';
    return part === 'Escape' ? 'Esc' : part.length === 1 ? part.toUpperCase() : part;
  });
}

/** What is focused and may want the key for itself. */
export interface KeyTarget {
  matches(selector: string): boolean;
  closest(selector: string): unknown;
}

const TEXT_FIELDS = 'input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, [contenteditable=true]';
const PRESSABLE =
  'button, input[type=checkbox], input[type=radio], a[href], summary, [role=button], [role=option], [role=menuitem], [role=tab], [role=combobox]';
const OVERLAYS = '[role=dialog], [role=alertdialog], [role=menu], [role=listbox]';

/**
 * Whether a focused element keeps the key: text fields keep everything but `inText` hotkeys, buttons and boxes to tick keep Space,
 * open dialogs and menus keep everything: what is behind them must not move.
 */
export function keepsKey(target: KeyTarget, hotkey: string, inText: boolean): boolean {
  if (inText) return false;
  if (target.matches(TEXT_FIELDS)) return true;
  if (hotkey === 'Space' && target.matches(PRESSABLE)) return true;
  return target.closest(OVERLAYS) !== null;
}
