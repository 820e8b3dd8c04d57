import type { Dispose } from '../../engine/api.ts';
import { keepsKey, matchesHotkey } from './hotkeys.ts';
import type { CommandRegistry } from './registry.ts';

export const IS_MAC = /mac/i.test(navigator.platform);

/** Runs commands by their hotkeys, as long as what is focused does not want the key. */
export function bindKeys(commands: CommandRegistry): Dispose {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || !(event.target instanceof Element)) return;
    for (const { id, hotkeys = [], inText = false } of commands.all()) {
      const hotkey = hotkeys.find((candidate) => matchesHotkey(event, candidate, IS_MAC));
      if (hotkey === undefined || keepsKey(event.target, hotkey, inText)) continue;
      event.preventDefault();
      if (!event.repeat) commands.execute(id);
      return;
    }
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}
