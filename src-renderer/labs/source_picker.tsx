import { Menu } from '@base-ui/react/menu';
import { Activity, Check, ChevronDown, FileText, FolderOpen } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useStore } from 'zustand/react';
import type { LabSource } from '../../engine/protocol/labs.ts';
import type { Results } from '../../engine/protocol/messages.ts';
import { useSession, useStudio } from '../app/context.tsx';
import { count } from '../format/numbers.ts';
import { dateText } from '../format/time.ts';
import { Keys } from '../widgets/keys.tsx';
import { fileName, LIVE, sameSource } from './lab_source.ts';

const NOTHING: Results['runs'] = { runs: [], traces: [] };

/** Runs listed in the menu; older ones are opened by path. */
const MOST_RUNS = 10;

/** What the labs look at: this run, a recorded run, or a trace of another engine. */
export function SourcePicker() {
  const { engine, commands, notices, labs } = useStudio();
  const source = useStore(labs, (s) => s.source);
  const opened = useStore(labs, (s) => s.opened);
  const liveRun = useSession((s) => s.snapshot.run?.path);
  const usable = useSession((s) => s.host.kind === 'running');
  const [{ runs, traces: bundled }, setFiles] = useState(NOTHING);
  const list = () =>
    engine
      .request('runs', {})
      .then(setFiles, (error: Error) => notices.notify({ kind: 'error', title: error.message }));
  const recorded = runs.filter(({ path }) => path !== liveRun);
  const listed = [...recorded, ...bundled];
  const traces = opened.filter((file) => !listed.some(({ path }) => path === file.path));
  return (
    <Menu.Root
      onOpenChange={(open) => {
        if (open) void list();
      }}
    >
      <Menu.Trigger className="chip chip-button lab-source" disabled={!usable} aria-label={`Source: ${nameOf(source)}`}>
        {source.kind === 'live' ? <Activity size={14} aria-hidden /> : <FileText size={14} aria-hidden />}
        <b>{nameOf(source)}</b>
        <ChevronDown size={14} aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="popup-layer" sideOffset={4} align="start">
          <Menu.Popup className="popup lab-source-menu">
            <Entry source={LIVE} current={source} hint="As it goes on">
              This run
            </Entry>
            <Menu.Separator className="popup-line" />
            {traces.map((file) => (
              <Entry key={file.path} source={file} current={source} hint={file.path}>
                {fileName(file.path)}
              </Entry>
            ))}
            {recorded.slice(0, MOST_RUNS).map(({ path, model, startedAt, steps, complete }) => (
              <Entry
                key={path}
                source={{ kind: 'run', path }}
                current={source}
                hint={`${dateText(startedAt)}, ${count(steps)} steps${complete ? '' : ', cut off'}`}
              >
                {model}
              </Entry>
            ))}
            {recorded.length > MOST_RUNS && (
              <div className="popup-item hint lab-source-more">
                and {count(recorded.length - MOST_RUNS)} older: open them by path
              </div>
            )}
            {bundled.length > 0 && recorded.length + traces.length > 0 && <Menu.Separator className="popup-line" />}
            {bundled.map(({ name, path }) => (
              <Entry key={path} source={{ kind: 'trace', path }} current={source} hint="Recorded routing">
                {name}
              </Entry>
            ))}
            {(traces.length > 0 || listed.length > 0) && <Menu.Separator className="popup-line" />}
            <Menu.Item className="popup-item" onClick={() => commands.execute('lab.open')}>
              <FolderOpen size={14} aria-hidden />
              Open a recorded run or a trace…
              <Keys hotkey="Mod+Shift+O" />
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

interface EntryProps {
  readonly source: LabSource;
  readonly current: LabSource;
  readonly hint: string;
  readonly children: ReactNode;
}

function Entry({ source, current, hint, children }: EntryProps) {
  const { actions } = useStudio();
  return (
    <Menu.Item className="popup-item" onClick={() => actions.setLabSource(source)}>
      <span>{sameSource(source, current) && <Check size={14} aria-label="Shown" />}</span>
      <span className="lab-source-name">{children}</span>
      <span />
      <span className="hint lab-source-name">{hint}</span>
    </Menu.Item>
  );
}

const nameOf = (source: LabSource): string => (source.kind === 'live' ? 'This run' : fileName(source.path));
