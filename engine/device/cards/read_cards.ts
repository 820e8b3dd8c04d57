import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Card } from './card.ts';
import { readDrm } from './drm.ts';
import { NVIDIA_SMI_ARGS, parseNvidiaSmi } from './nvidia_smi.ts';
import { IOREG_ARGS, parseMacCards, SYSTEM_PROFILER_ARGS } from './system_profiler.ts';
import { parseWindowsCards, WINDOWS_SCRIPT } from './windows_cim.ts';

/** PowerShell alone takes a second to begin. */
const LONGEST_MS = 10_000;

const run = promisify(execFile);

/** What a program printed; undefined where it is not there, fails or hangs: then it tells nothing. */
async function answer(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, [...args], { timeout: LONGEST_MS, windowsHide: true, maxBuffer: 2 ** 22 });
    return stdout;
  } catch {
    return undefined;
  }
}

let macProfile: Promise<string | undefined> | undefined;

/** Graphics cards of this machine with their readings of now. A source that is not there leaves its cards or figures out. */
export async function readCards(): Promise<Card[]> {
  switch (process.platform) {
    case 'darwin': {
      // Takes a second, and says the same every time.
      macProfile ??= answer('system_profiler', SYSTEM_PROFILER_ARGS);
      const [json, ioreg] = await Promise.all([macProfile, answer('ioreg', IOREG_ARGS)]);
      return json === undefined ? [] : parseMacCards(json, ioreg ?? '');
    }
    case 'win32': {
      const script = ['-NoProfile', '-NonInteractive', '-Command', WINDOWS_SCRIPT];
      const [csv, json] = await Promise.all([answer('nvidia-smi', NVIDIA_SMI_ARGS), answer('powershell.exe', script)]);
      const nvidia = parseNvidiaSmi(csv ?? '');
      const all = json === undefined ? [] : parseWindowsCards(json);
      return [...nvidia, ...all.filter(({ vendor }) => vendor !== 'nvidia' || nvidia.length === 0)];
    }
    default: {
      const nvidia = parseNvidiaSmi((await answer('nvidia-smi', NVIDIA_SMI_ARGS)) ?? '');
      const told = new Set(nvidia.map(({ key }) => key));
      return [...nvidia, ...readDrm().filter(({ key }) => !told.has(key))];
    }
  }
}
