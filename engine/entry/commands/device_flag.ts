import type { DeviceChoice } from '../../protocol/settings.ts';
import { BadArguments, countFlag, textFlag, type Values } from './command.ts';

export const DEVICES_HELP =
  '  --devices cpu:D,webgpu:0    D CPU devices, a thread each, and cards by their number, mixed as you like (default cpu:1)';

/** Devices to run on, each with the budget of `--budget-mib` where that is given. @throws BadArguments for another form */
export function devicesFlag(values: Values): DeviceChoice[] {
  const budgetMib = countFlag(values, 'budget-mib', 1, 1 << 24, 0);
  const budget = budgetMib > 0 ? { budgetBytes: budgetMib * 2 ** 20 } : {};
  return textFlag(values, 'devices', 'cpu:1')
    .split(',')
    .flatMap((part) => {
      const [, provider, number] = /^(cpu|webgpu|cuda):(\d{1,2})$/.exec(part) ?? [];
      if (provider === undefined || (provider === 'cpu' && Number(number) === 0)) {
        throw new BadArguments(
          `--devices takes cpu:D with the number D of CPU devices, and cards such as webgpu:0, with commas between, not "${part}"`,
        );
      }
      if (provider !== 'cpu') return [{ id: part, ...budget }];
      return Array.from({ length: Number(number) }, (_, index) => ({ id: `cpu:${index}`, ...budget }));
    });
}
