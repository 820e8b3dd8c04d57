import { Dialog } from '@base-ui/react/dialog';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useStudio } from '../app/context.tsx';
import { Keys } from '../widgets/keys.tsx';
import { fuzzySort } from './fuzzy.ts';

const PAGE = 8;

/** Where a key moves in a list whose ends are joined for the arrows; undefined for keys that do not move. */
function moveIn(key: string, at: number, last: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
      return at >= last ? 0 : at + 1;
    case 'ArrowUp':
      return at <= 0 ? last : at - 1;
    case 'PageDown':
      return Math.min(last, at + PAGE);
    case 'PageUp':
      return Math.max(0, at - PAGE);
    default:
      return undefined;
  }
}

/** Every command that can run now, found by typing. */
export function CommandPalette() {
  const { commands, dialogs } = useStudio();
  const [query, setQuery] = useState('');
  const [index, setIndex] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  // Taken once: the palette must not change under the person's fingers while a run goes on.
  const offered = useMemo(() => commands.available().filter(({ id }) => id !== 'help.palette'), [commands]);
  const listed = query.trim() === '' ? offered.filter(({ isTypedOnly }) => !isTypedOnly) : offered;
  const found = fuzzySort(query, listed, ({ title, group, keywords = '' }) => [title, `${group} ${keywords}`]);
  const chosen = Math.min(index, found.length - 1);

  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const run = (id: string | undefined) => {
    if (id === undefined) return;
    dialogs.setState({ open: undefined });
    commands.execute(id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = found.length - 1;
    const next = moveIn(event.key, chosen, last);
    if (event.key === 'Enter') run(found[chosen]?.id);
    else if (next !== undefined) setIndex(next);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <Dialog.Title className="visually-hidden">Command palette</Dialog.Title>
      <input
        className="palette-input"
        placeholder="Type a command"
        role="combobox"
        aria-label="Command"
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={found[chosen] === undefined ? undefined : `palette-${found[chosen].id}`}
        spellCheck={false}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setIndex(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id="palette-list" className="palette-list" role="listbox" aria-label="Commands">
        {found.map(({ id, title, group, hotkeys }, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled in the field, which keeps the focus
          // biome-ignore lint/a11y/useFocusableInteractive: the field points at it by aria-activedescendant
          <div
            key={id}
            id={`palette-${id}`}
            className="palette-item"
            role="option"
            aria-selected={i === chosen}
            onPointerMove={() => setIndex(i)}
            onClick={() => run(id)}
          >
            <span className="hint palette-group">{group}</span>
            <span className="grow">{title}</span>
            {hotkeys?.[0] !== undefined && <Keys hotkey={hotkeys[0]} />}
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="palette-none dim">No command matches "{query}"</p>}
    </>
  );
}
