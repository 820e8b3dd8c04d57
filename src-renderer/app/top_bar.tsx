import './top_bar.css';
import { Pause, Play, Search, Square, StepForward } from 'lucide-react';
import { devicesText } from '../devices/device_choice.ts';
import { bytesText } from '../format/bytes.ts';
import { count, speed } from '../format/numbers.ts';
import { CommandButton } from '../widgets/command_button.tsx';
import { Keys } from '../widgets/keys.tsx';
import { Tip } from '../widgets/tip.tsx';
import { useSession, useStudio, useSummary } from './context.tsx';
import { ExportMenu } from './export_menu.tsx';
import { ModelMenu } from './model_menu.tsx';

export function TopBar() {
  return (
    <header className="top">
      <Mark />
      <ModelMenu />
      <DeviceChip />
      <RunControls />
      <span className="grow" />
      <RunFigures />
      <ExportMenu />
      <PaletteButton />
    </header>
  );
}

const MARK = [
  [3, 3, 'idle'],
  [9.5, 3, 'active'],
  [16, 3, 'idle'],
  [3, 9.5, 'loading'],
  [9.5, 9.5, 'idle'],
  [16, 9.5, 'idle'],
  [3, 16, 'idle'],
  [9.5, 16, 'idle'],
  [16, 16, 'active'],
] as const;

/** The studio's sign: a layer of experts, a few of them active. */
function Mark() {
  return (
    <div className="top-mark">
      <svg width="24" height="24" viewBox="0 0 24 24" role="img" aria-label="MoE Studio">
        {MARK.map(([x, y, tone]) => (
          <rect key={`${x} ${y}`} className={`mark-${tone}`} x={x} y={y} width={5} height={5} rx={1} />
        ))}
      </svg>
    </div>
  );
}

/** The devices of the run; opens what is known of all. */
function DeviceChip() {
  const { commands } = useStudio();
  const run = useSession((s) => s.snapshot.run);
  const machine = useSession((s) => s.machine);
  if (run === undefined) return null;
  const inUse = run.settings.devices.filter(({ id }) => !run.lost.includes(id));
  const budgets = new Set(run.budgetBytes);
  const [budget = 0] = run.budgetBytes;
  const each = run.budgetBytes.length > 1 ? ' each' : '';
  return (
    <Tip
      text={
        machine === undefined
          ? 'Devices of this run'
          : `${machine.cpu}, ${machine.cores} cores, ${bytesText(machine.memoryBytes)}`
      }
      hotkey="Mod+D"
    >
      <button type="button" className="chip chip-button" onClick={() => commands.execute('devices.show')}>
        <b>{devicesText(inUse)}</b>
        {run.lost.length > 0 && <span className="bad">{run.lost.join(', ')} lost</span>}
        <span className="chip-more">{budgets.size === 1 ? `${bytesText(budget)}${each}` : ''}</span>
      </button>
    </Tip>
  );
}

function RunControls() {
  const state = useSession((s) => s.snapshot.state);
  const running = state === 'running';
  const words = running ? 'Pause' : state === 'paused' ? 'Resume' : 'Run';
  return (
    <div className="top-group" role="toolbar" aria-label="Run">
      <CommandButton command="run.toggle" className="button-main run-main">
        {running ? <Pause size={14} aria-hidden /> : <Play size={14} aria-hidden />}
        {words}
      </CommandButton>
      <CommandButton command="run.step">
        <StepForward size={14} aria-hidden />
        Step
      </CommandButton>
      <CommandButton command="run.stop">
        <Square size={12} aria-hidden />
        Stop
      </CommandButton>
    </div>
  );
}

/** Step and speed. When the run stands still they are dimmed: frozen data must look frozen. */
function RunFigures() {
  const step = useSummary((s) => s.step);
  const tokensPerSecond = useSummary((s) => s.tokensPerSecond);
  const runId = useSummary((s) => s.runId);
  const moving = useSession((s) => s.snapshot.state === 'running' && s.host.kind === 'running');
  if (runId === undefined) return null;
  return (
    <div className={`top-figures ${moving ? '' : 'frozen'}`}>
      <span>
        <span className="dim">step</span> {count(step)}
      </span>
      <span className="top-speed">
        <span className="top-number">{speed(tokensPerSecond)}</span> <span className="dim">tok/s</span>
      </span>
      <Tip text="Counted by the engine while it runs, over the last second">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the tip must be reachable by keyboard */}
        <span className="badge" tabIndex={0}>
          measured
        </span>
      </Tip>
    </div>
  );
}

function PaletteButton() {
  const { commands } = useStudio();
  return (
    <button
      type="button"
      className="button palette-button"
      aria-label="Command palette"
      onClick={() => commands.execute('help.palette')}
    >
      <Search size={14} aria-hidden />
      <Keys hotkey="Mod+K" />
    </button>
  );
}
