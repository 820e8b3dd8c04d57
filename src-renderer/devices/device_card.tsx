import type { ReactNode } from 'react';
import { type DeviceInfo, isTold, type Told } from '../../engine/protocol/model.ts';
import { bytesText } from '../format/bytes.ts';
import { fixed, percentText } from '../format/numbers.ts';
import { deviceNote } from './device_choice.ts';

interface DeviceCardProps {
  /** Of several alike (threads of a processor) the first. */
  readonly device: DeviceInfo;
  readonly alike: number;
  /** What the run in progress holds there, by the engine's ledger; undefined where it does not run there. */
  readonly engineBytes: number | undefined;
  readonly lost: boolean;
  /** How it is chosen. */
  readonly control: ReactNode;
  readonly budget: ReactNode;
}

/** A device: whether a run has it, its memory by who holds it, and what the system says of it now. */
export function DeviceCard({ device, alike, engineBytes, lost, control, budget }: DeviceCardProps) {
  const { name, provider, reading, link, loadBytesPerSecond: speed, refusal } = device;
  const title = provider === 'cpu' ? name.replace(/, thread \d+$/, '') : name;
  return (
    <section className="device" aria-label={title}>
      <div className="device-head">
        {provider !== 'cpu' && control}
        <span className="device-name">{title}</span>
        {device.software && <span className="badge">software</span>}
        {lost && <span className="badge badge-lost">lost</span>}
        {engineBytes !== undefined && !lost && <span className="badge">in use</span>}
        <span className="hint device-note">{deviceNote(device, alike)}</span>
        {provider === 'cpu' && control}
      </div>
      {refusal !== undefined && <p className="hint device-refusal">Cannot be chosen: {refusal}</p>}
      <MemoryLine device={device} engineBytes={engineBytes ?? 0} />
      <dl className="device-figures">
        <Figure name="Budget">{budget}</Figure>
        <Figure name="Busy">{told(reading.utilisation, percentText)}</Figure>
        <Figure name="Temperature">{told(reading.celsius, (celsius) => `${fixed(celsius, 0)} °C`)}</Figure>
        <Figure name="Power">{told(reading.watts, (watts) => `${fixed(watts, 0)} W`)}</Figure>
        <Figure name="Link">
          {told(link, ({ name }) => name)}
          <span className="hint">
            {speed === undefined ? 'not measured yet' : `${fixed(speed / 1e9, 1)} GB/s measured`}
          </span>
        </Figure>
      </dl>
      <Missing device={device} />
    </section>
  );
}

function Figure({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt className="hint">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function told<T extends Parameters<typeof isTold>[0]>(
  figure: T,
  words: (value: Exclude<T, { notTold: string }>) => string,
): ReactNode {
  return isTold(figure) ? words(figure as Exclude<T, { notTold: string }>) : <span className="faint">unknown</span>;
}

/** All memory, by who holds it: this engine, other programs, nobody. */
function MemoryLine({ device, engineBytes }: { readonly device: DeviceInfo; readonly engineBytes: number }) {
  const { totalBytes, freeBytes } = device;
  if (!isTold(totalBytes) || !isTold(freeBytes)) {
    const reason = [totalBytes, freeBytes].flatMap((figure) => (isTold(figure) ? [] : [figure.notTold]))[0];
    return <p className="hint">Free memory: not available on this system: {reason}</p>;
  }
  const used = Math.max(engineBytes, totalBytes - freeBytes);
  const others = used - engineBytes;
  const own = engineBytes === 0 ? '' : `${bytesText(engineBytes)} of this run, `;
  const words = `${own}${bytesText(others)} of other programs, ${bytesText(totalBytes - used)} free of ${bytesText(totalBytes)}`;
  const width = (bytes: number) => ({ width: `${(100 * bytes) / totalBytes}%` });
  return (
    <div className="device-memory">
      <div className="device-bar" role="img" aria-label={`Memory: ${words}`}>
        <span className="device-engine" style={width(engineBytes)} />
        <span className="device-others" style={width(others)} />
      </div>
      <span className="hint">{words}</span>
    </div>
  );
}

const FIGURES: readonly (readonly [string, (device: DeviceInfo) => Told<number> | DeviceInfo['link']])[] = [
  ['busy', ({ reading }) => reading.utilisation],
  ['temperature', ({ reading }) => reading.celsius],
  ['power', ({ reading }) => reading.watts],
  ['link', ({ link }) => link],
];

/** Why figures are not there, those with the same reason together. */
function Missing({ device }: { readonly device: DeviceInfo }) {
  const reasons = new Map<string, string[]>();
  for (const [name, read] of FIGURES) {
    const figure = read(device);
    if (!isTold(figure)) reasons.set(figure.notTold, [...(reasons.get(figure.notTold) ?? []), name]);
  }
  return [...reasons].map(([reason, names]) => (
    <p key={reason} className="hint device-missing">
      Not available on this system ({names.join(', ')}): {reason}
    </p>
  ));
}
