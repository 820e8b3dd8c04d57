import path from 'node:path';
import { LinkSpeeds } from '../../coordinator/link_speeds.ts';
import { listDevices } from '../../device/discovery.ts';
import { type DeviceInfo, isTold, type NotTold, type Told } from '../../protocol/model.ts';
import { defaultDataDir } from '../folders.ts';
import { type Command, parseFlags, printJson } from './command.ts';

const gib = (bytes: Told<number>) => (isTold(bytes) ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : 'unknown');

const OPTIONS = { json: { type: 'boolean' }, measure: { type: 'boolean' } } as const;

export const devices: Command = {
  name: 'devices',
  summary: 'Lists the devices that experts can be placed on',
  help: [
    '  --measure   measure anew how fast experts come to each device (up to two seconds each), else done at its first run',
    '  --json      machine-readable',
  ].join('\n'),
  options: OPTIONS,
  async run(args) {
    const { json, measure } = parseFlags(args, OPTIONS);
    const links = new LinkSpeeds(defaultDataDir(), path.join(__dirname, 'link.cjs'));
    const list = await listDevices();
    if (measure) {
      const usable = list.devices.filter(({ refusal }) => refusal === undefined);
      // Threads of a processor are alike.
      const first = usable.findIndex(({ provider }) => provider === 'cpu');
      for (const [index, device] of usable.entries()) {
        if (device.provider !== 'cpu' || index === first) await links.measure(device);
      }
    }
    const { devices, absent } = links.told(list);
    if (json) return printJson({ devices, absent });
    for (const device of devices) process.stdout.write(`${lineOf(device)}\n`);
    for (const { provider, reason } of absent) process.stdout.write(`${provider}: none, ${reason}\n`);
  },
};

function lineOf(device: DeviceInfo): string {
  const { id, name, software, totalBytes, freeBytes, defaultBudgetBytes, driver, link, loadBytesPerSecond } = device;
  const parts = [
    `${gib(freeBytes)} free of ${gib(totalBytes)}`,
    `default budget ${gib(defaultBudgetBytes)}`,
    ...(device.provider === 'cpu' ? [] : [`driver ${isTold(driver) ? driver : missing(driver)}`]),
    isTold(link) ? link.name : `link ${missing(link)}`,
    ...(loadBytesPerSecond === undefined ? [] : [`${(loadBytesPerSecond / 1e9).toFixed(2)} GB/s measured`]),
    ...(device.float16 === undefined
      ? []
      : [device.float16 ? 'weights in fp32 or fp16' : 'no float16: weights in fp32']),
    ...(device.refusal === undefined ? [] : [`cannot be chosen: ${device.refusal}`]),
  ];
  return `${id}  ${name}${software ? ' (software)' : ''}: ${parts.join(', ')}`;
}

const missing = ({ notTold }: NotTold) => `not available on this system: ${notTold}`;
