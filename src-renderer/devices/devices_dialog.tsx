import './devices.css';
import { Dialog } from '@base-ui/react/dialog';
import type { ReactNode } from 'react';
import { type DeviceInfo, isTold } from '../../engine/protocol/model.ts';
import type { DeviceChoice } from '../../engine/protocol/settings.ts';
import { useSession, useSettings, useStudio, useSummary } from '../app/context.tsx';
import { bytesText } from '../format/bytes.ts';
import { NumberInput } from '../widgets/number_input.tsx';
import { DeviceCard } from './device_card.tsx';
import { MOST_DEVICES, toggled, withBudgets, withProcessors } from './device_choice.ts';
import { useDevices } from './use_devices.ts';

const MIB = 2 ** 20;

/** Every device of the machine with what is going on there, and which of them the next run has. */
export function DevicesDialog() {
  const { actions, notices } = useStudio();
  useDevices();
  const devices = useSession((s) => s.devices);
  const absent = useSession((s) => s.absentProviders);
  const run = useSession((s) => s.snapshot.run);
  const usable = useSession((s) => s.writer && s.host.kind === 'running');
  const choices = useSettings((s) => s.draft.devices);
  const ledger = useSummary((s) => s.ledgerBytes);
  const processors = devices.filter(({ provider }) => provider === 'cpu').slice(0, MOST_DEVICES);
  const cards = devices.filter(({ provider }) => provider !== 'cpu');
  const choose = (next: DeviceChoice[]) =>
    actions.change({ devices: next }).catch((error: Error) => notices.notify({ kind: 'error', title: error.message }));
  const held = (ids: readonly string[]) => {
    const places = (run?.settings.devices ?? []).flatMap(({ id }, index) => (ids.includes(id) ? [index] : []));
    if (places.length === 0) return undefined;
    return places.reduce((sum, place) => sum + (ledger[place] ?? []).reduce((a, b) => a + b, 0), 0);
  };
  const cpuIds = processors.map(({ id }) => id);
  const cpuCount = choices.filter(({ id }) => cpuIds.includes(id)).length;
  const [processor] = processors;
  return (
    <div className="dialog-body devices">
      <Dialog.Title className="dialog-title">Devices</Dialog.Title>
      <p className="hint">
        Figures of the system, all programs together, read once a second while this is open. A choice holds from the
        next run on.
      </p>
      {processor !== undefined && (
        <DeviceCard
          device={processor}
          alike={processors.length}
          engineBytes={held(cpuIds)}
          lost={cpuIds.some((id) => run?.lost.includes(id))}
          control={
            <span className="device-budget">
              <span className="dim">used</span>
              <NumberInput
                id="devices-cpu"
                label="CPU devices"
                value={cpuCount}
                min={choices.length === cpuCount ? 1 : 0}
                max={processors.length}
                disabled={!usable}
                onCommit={(count) => choose(withProcessors(choices, processors, count))}
              />
            </span>
          }
          budget={
            <Budget
              device={processor}
              ids={cpuIds}
              each={cpuCount > 1}
              disabled={!usable}
              choices={choices}
              choose={choose}
            />
          }
        />
      )}
      {cards.map((device) => {
        const chosen = choices.some(({ id }) => id === device.id);
        return (
          <DeviceCard
            key={device.id}
            device={device}
            alike={1}
            engineBytes={held([device.id])}
            lost={run?.lost.includes(device.id) ?? false}
            control={
              <input
                type="checkbox"
                className="device-check"
                aria-label={`Use ${device.name} (${device.id})`}
                checked={chosen}
                disabled={!usable || (device.refusal !== undefined && !chosen) || (chosen && choices.length === 1)}
                onChange={() => choose(toggled(choices, device.id))}
              />
            }
            budget={<Budget device={device} ids={[device.id]} disabled={!usable} choices={choices} choose={choose} />}
          />
        );
      })}
      {absent.map(({ provider, reason }) => (
        <p key={provider} className="hint device-absent">
          No {provider === 'webgpu' ? 'WebGPU' : 'CUDA'} device: {reason}
        </p>
      ))}
      <div className="dialog-buttons">
        <Dialog.Close className="button">Close</Dialog.Close>
      </div>
    </div>
  );
}

interface BudgetProps {
  readonly device: DeviceInfo;
  readonly ids: readonly string[];
  readonly each?: boolean;
  readonly disabled: boolean;
  readonly choices: readonly DeviceChoice[];
  readonly choose: (next: DeviceChoice[]) => void;
}

/** Bytes the engine may hold there: the default until another is named. */
function Budget({ device, ids, each, disabled, choices, choose }: BudgetProps): ReactNode {
  const { defaultBudgetBytes: usual, name, totalBytes } = device;
  const chosen = choices.find(({ id }) => ids.includes(id));
  if (chosen === undefined) return isTold(usual) ? bytesText(usual) : <span className="faint">unknown</span>;
  const bytes = chosen.budgetBytes ?? (isTold(usual) ? usual : 0);
  return (
    <span className="device-budget">
      <NumberInput
        id={`budget-${device.id}`}
        label={`Budget of ${name}, MiB`}
        value={Math.round(bytes / MIB)}
        min={1}
        max={isTold(totalBytes) ? Math.floor(totalBytes / MIB) : 2 ** 24}
        step={64}
        disabled={disabled}
        onCommit={(mib) => choose(withBudgets(choices, ids, mib * MIB))}
      />
      MiB{each ? ' each' : ''}
      {chosen.budgetBytes !== undefined && isTold(usual) && (
        <button
          type="button"
          className="button button-link"
          disabled={disabled}
          onClick={() => choose(withBudgets(choices, ids, undefined))}
        >
          default
        </button>
      )}
    </span>
  );
}
