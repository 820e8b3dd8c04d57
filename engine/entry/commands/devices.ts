import { listDevices } from '../../device/discovery.ts';
import { type DeviceInfo, isTold, type Told } from '../../protocol/model.ts';
import { type Command, parseFlags, printJson } from './command.ts';

const gib = (bytes: Told<number>) => (isTold(bytes) ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : 'unknown');

export const devices: Command = {
  name: 'devices',
  summary: 'Lists the devices that experts can be placed on',
  help: '  --json   machine-readable',
  async run(args) {
    const { json } = parseFlags(args, { json: { type: 'boolean' } });
    const { devices, absent } = await listDevices();
    if (json) return printJson({ devices, absent });
    for (const device of devices) process.stdout.write(`${lineOf(device)}\n`);
    for (const { provider, reason } of absent) process.stdout.write(`${provider}: none, ${reason}\n`);
  },
};

function lineOf(device: DeviceInfo): string {
  const { id, name, software, totalBytes, freeBytes, defaultBudgetBytes, driver, link, refusal } = device;
  const parts = [
    `${gib(freeBytes)} free of ${gib(totalBytes)}`,
    `default budget ${gib(defaultBudgetBytes)}`,
    ...(device.provider === 'cpu' ? [] : [`driver ${toldText(driver)}`]),
    isTold(link) ? link.name : `link ${toldText(link)}`,
    ...(refusal === undefined ? [] : [`cannot be chosen: ${refusal}`]),
  ];
  return `${id}  ${name}${software ? ' (software)' : ''}: ${parts.join(', ')}`;
}

function toldText(told: Told<string> | { readonly notTold: string }): string {
  return typeof told === 'string' ? told : `not available on this system: ${told.notTold}`;
}
