import { cpus, freemem, totalmem } from 'node:os';
import { EngineRefusal } from '../api.ts';
import type { DeviceInfo } from '../protocol/model.ts';
import type { RunSettings } from '../protocol/settings.ts';

/** Share of free memory that CPU devices may take together unless told otherwise: the page cache is the host tier, and needs the rest. */
const DEFAULT_SHARE = 0.5;

/** Devices of this machine. A CPU device is one thread with a byte budget, and there may be as many as cores. */
export function listDevices(): DeviceInfo[] {
  const cores = cpus();
  const name = cores[0]?.model.trim() ?? 'CPU';
  const freeBytes = freemem();
  return cores.map((_, index) => ({
    id: `cpu:${index}`,
    provider: 'cpu',
    name: `${name}, thread ${index}`,
    totalBytes: totalmem(),
    freeBytes,
    defaultBudgetBytes: Math.floor((freeBytes * DEFAULT_SHARE) / cores.length),
  }));
}

/** The chosen devices with their budgets. @throws EngineRefusal for a device this machine does not have or one named twice */
export function chooseDevices(choices: RunSettings['devices']): { id: string; bytes: number }[] {
  const devices = listDevices();
  const seen = new Set<string>();
  return choices.map(({ id, budgetBytes }) => {
    const device = devices.find((entry) => entry.id === id);
    if (device === undefined) {
      throw new EngineRefusal(
        `devices: this machine has no "${id}"; choose from ${devices.map((entry) => entry.id).join(', ')}.`,
      );
    }
    if (seen.has(id)) throw new EngineRefusal(`devices: "${id}" is named twice; name each device once.`);
    seen.add(id);
    return { id, bytes: budgetBytes ?? device.defaultBudgetBytes };
  });
}
