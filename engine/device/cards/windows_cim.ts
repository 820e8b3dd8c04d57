import { z } from 'zod';
import { type Card, notTold, vendorOf } from './card.ts';

/**
 * Asked of PowerShell on Windows, as one JSON object. CIM class names and properties are the same in every language of Windows, unlike
 * performance counter paths. Memory sizes are the display class keys' 64-bit ones: `AdapterRAM` is 32-bit and ends at 4 GiB.
 * Engines of a card work side by side: its utilisation is that of its busiest, each summed over processes.
 */
export const WINDOWS_SCRIPT = `
$ErrorActionPreference='SilentlyContinue'
$class='HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}'
$sizes=@(Get-ChildItem $class | ForEach-Object { $p=Get-ItemProperty $_.PSPath
  if($p.'HardwareInformation.qwMemorySize'){ @{name=$p.DriverDesc; bytes=[double]$p.'HardwareInformation.qwMemorySize'} } })
$cards=@(Get-CimInstance Win32_VideoController | ForEach-Object { @{name=$_.Name; driver=$_.DriverVersion; pnp=$_.PNPDeviceID} })
$memory=@(Get-CimInstance Win32_PerfFormattedData_GPUPerformanceCounters_GPUAdapterMemory |
  ForEach-Object { @{name=$_.Name; dedicated=[double]$_.DedicatedUsage; shared=[double]$_.SharedUsage} })
$engines=@(Get-CimInstance Win32_PerfFormattedData_GPUPerformanceCounters_GPUEngine |
  Where-Object { $_.UtilizationPercentage -gt 0 } | ForEach-Object { @{name=$_.Name; percent=[double]$_.UtilizationPercentage} })
@{cards=$cards; sizes=$sizes; memory=$memory; engines=$engines} | ConvertTo-Json -Compress -Depth 4`;

const many = <T extends z.ZodType>(row: T) =>
  z
    .array(row)
    .nullish()
    .transform((rows) => rows ?? []);
const bytes = z.number().min(0);

const Answer = z.object({
  cards: many(z.object({ name: z.string(), driver: z.string().nullish(), pnp: z.string().nullish() })),
  sizes: many(z.object({ name: z.string().nullish(), bytes })),
  memory: many(z.object({ name: z.string(), dedicated: bytes, shared: bytes })),
  engines: many(z.object({ name: z.string(), percent: z.number().min(0) })),
});

/** What Windows shows on its own where a card has no driver: DirectX then computes on the processor (WARP). */
const NO_CARD = /^microsoft (basic|remote|hyper-v|indirect)|^meta virtual|^parsec virtual/i;

const BY_LUID = 'Windows counts by adapter number, which it does not tie to one of several cards';

/**
 * Cards in the script's answer. Windows' counters name adapters by a number that CIM does not tie to a card, so they are taken where there
 * is one card only. @throws ZodError for another form
 */
export function parseWindowsCards(json: string): Card[] {
  const { cards, sizes, memory, engines } = Answer.parse(JSON.parse(json));
  const real = cards.filter(({ name }) => !NO_CARD.test(name));
  const single = real.length === 1;
  return real.map(({ name, driver, pnp }, index) => {
    const vendor = vendorOf(/VEN_([0-9A-F]{4})/i.exec(pnp ?? '')?.[1] ?? '');
    const size = sizes.find((entry) => entry.name === name)?.bytes;
    // Integrated graphics: a reserved corner at most.
    const unified = size === undefined || size < 2 ** 31;
    const used = memory.reduce((sum, entry) => sum + (unified ? entry.shared : entry.dedicated), 0);
    return {
      key: `windows:${index}`,
      name,
      vendor,
      unified,
      totalBytes: unified ? notTold('it shares the memory of the host') : size,
      driver: driver ?? notTold('Windows names no driver for it'),
      link: notTold('Windows does not tell the link of a card'),
      reading: {
        usedBytes:
          single && memory.length > 0 ? used : notTold(single ? 'its driver keeps no memory counters' : BY_LUID),
        utilisation: single ? Math.min(1, busiest(engines) / 100) : notTold(BY_LUID),
        celsius: notTold('Windows does not tell the temperature of a card'),
        watts: notTold('Windows does not tell the power of a card'),
      },
    };
  });
}

/** Names are `pid_N_luid_0xA_0xB_phys_0_eng_3_engtype_3D`. @returns percent */
function busiest(engines: readonly { readonly name: string; readonly percent: number }[]): number {
  const sums = new Map<string, number>();
  for (const { name, percent } of engines) {
    const engine = name.replace(/^pid_\d+_/, '');
    sums.set(engine, (sums.get(engine) ?? 0) + percent);
  }
  return Math.max(0, ...sums.values());
}
