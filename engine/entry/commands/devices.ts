import { listDevices } from '../../device/discovery.ts';
import { type Command, parseFlags, printJson } from './command.ts';

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

export const devices: Command = {
  name: 'devices',
  summary: 'Lists the devices that experts can be placed on',
  help: '  --json   machine-readable',
  async run(args) {
    const { json } = parseFlags(args, { json: { type: 'boolean' } });
    const list = listDevices();
    if (json) return printJson({ devices: list });
    for (const { id, name, totalBytes, freeBytes, defaultBudgetBytes } of list) {
      process.stdout.write(
        `${id}  ${name}: ${gib(freeBytes)} free of ${gib(totalBytes)}, default budget ${gib(defaultBudgetBytes)}\n`,
      );
    }
  },
};
