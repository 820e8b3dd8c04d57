import { type DeviceInfo, isTold } from '../../engine/protocol/model.ts';
import type { DeviceChoice } from '../../engine/protocol/settings.ts';
import { plural } from '../format/words.ts';

const PROVIDER_NAMES = { cpu: 'CPU', webgpu: 'WebGPU', cuda: 'CUDA' } as const;

const providerOf = (id: string) => id.slice(0, id.indexOf(':')) as keyof typeof PROVIDER_NAMES;

/** "2 × CPU", "WebGPU + 1 × CPU": chosen devices by kind, in the order in which the kinds first come. */
export function devicesText(choices: readonly { readonly id: string }[]): string {
  const counts = new Map<keyof typeof PROVIDER_NAMES, number>();
  for (const { id } of choices) counts.set(providerOf(id), (counts.get(providerOf(id)) ?? 0) + 1);
  return [...counts]
    .map(([provider, count]) => {
      const name = PROVIDER_NAMES[provider];
      return provider === 'cpu' || count > 1 ? `${count} × ${name}` : name;
    })
    .join(' + ');
}

/** The choice with a device or without it. The last one cannot be left out: then nothing changes. */
export function toggled(choices: readonly DeviceChoice[], id: string): DeviceChoice[] {
  const without = choices.filter((choice) => choice.id !== id);
  if (without.length === choices.length) return [...choices, { id }];
  return without.length === 0 ? [...choices] : without;
}

/** The choice with the first `count` processors, each with the budget that the processors before had. */
export function withProcessors(
  choices: readonly DeviceChoice[],
  processors: readonly DeviceInfo[],
  count: number,
): DeviceChoice[] {
  const others = choices.filter(({ id }) => providerOf(id) !== 'cpu');
  const budget = choices.find(({ id }) => providerOf(id) === 'cpu')?.budgetBytes;
  return [...others, ...processors.slice(0, count).map(({ id }) => withBudget({ id }, budget))];
}

/** The choice with another budget for some devices; undefined is the default of each. */
export function withBudgets(
  choices: readonly DeviceChoice[],
  ids: readonly string[],
  bytes: number | undefined,
): DeviceChoice[] {
  return choices.map((choice) => (ids.includes(choice.id) ? withBudget({ id: choice.id }, bytes) : choice));
}

const withBudget = (choice: DeviceChoice, budgetBytes: number | undefined): DeviceChoice =>
  budgetBytes === undefined ? choice : { ...choice, budgetBytes };

export const MOST_DEVICES = 16;

/** What a device is, beyond its name. */
export function deviceNote(device: DeviceInfo, processors: number): string {
  if (device.provider === 'cpu') return `${plural(processors, 'thread')}, a device each`;
  const kind = `${PROVIDER_NAMES[device.provider]}${device.software ? ', computed by the processor: for tests' : ''}`;
  const driver = isTold(device.driver) ? `, driver ${device.driver}` : '';
  const floats = device.float16 === undefined ? '' : device.float16 ? ', weights in fp32 or fp16' : ', no float16';
  return `${kind}${driver}${floats}`;
}
