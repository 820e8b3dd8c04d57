import { z } from 'zod';
import { UNIFIED_MEMORY } from '../../protocol/links.ts';
import { type Card, notTold } from './card.ts';

export const SYSTEM_PROFILER_ARGS = ['SPDisplaysDataType', '-json'] as const;
export const IOREG_ARGS = ['-r', '-d', '1', '-w', '0', '-c', 'IOAccelerator'] as const;

const Answer = z.object({
  SPDisplaysDataType: z.array(
    z.object({
      _name: z.string().optional(),
      sppci_model: z.string().optional(),
      sppci_bus: z.string().optional(),
      spdisplays_vendor: z.string().optional(),
      spdisplays_vram: z.string().optional(),
      spdisplays_mtlgpufamilysupport: z.string().optional(),
      spdisplays_metal: z.string().optional(),
    }),
  ),
});

const UNITS: Readonly<Record<string, number>> = { MB: 2 ** 20, GB: 2 ** 30 };

/**
 * Cards of a Mac. Apple's own share the memory of the machine and name no size; others say "8 GB".
 * @param json of `system_profiler SPDisplaysDataType -json`
 * @param ioreg of `ioreg -c IOAccelerator`, whose performance statistics need no rights; they name no card, so they are taken where
 *   there is one only
 * @throws ZodError for another form
 */
export function parseMacCards(json: string, ioreg: string): Card[] {
  const cards = Answer.parse(JSON.parse(json)).SPDisplaysDataType;
  return cards.map((card, index) => {
    const [amount, unit] = /^([\d.]+) (MB|GB)$/.exec(card.spdisplays_vram ?? '')?.slice(1) ?? [];
    const unified = amount === undefined;
    const statistic = (name: string, scale: number) => {
      if (cards.length > 1) return notTold('ioreg does not say whose statistics these are');
      const value = new RegExp(`"${name}"=(\\d+)`).exec(ioreg)?.[1];
      return value === undefined ? notTold(`ioreg has no "${name}"`) : Number(value) * scale;
    };
    return {
      key: `macos:${index}`,
      name: card.sppci_model ?? card._name ?? 'graphics card',
      vendor: /apple/i.test(card.spdisplays_vendor ?? card.sppci_model ?? '') ? ('apple' as const) : ('other' as const),
      unified,
      totalBytes: unified
        ? notTold('it shares the memory of the host')
        : Number(amount) * (UNITS[unit as string] as number),
      driver: metal(card.spdisplays_mtlgpufamilysupport ?? card.spdisplays_metal),
      link: unified ? UNIFIED_MEMORY : notTold('macOS does not tell the link of a card'),
      reading: {
        usedBytes: statistic('In use system memory', 1),
        utilisation: statistic('Device Utilization %', 1 / 100),
        celsius: notTold('macOS tells the temperature to administrators only'),
        watts: notTold('macOS tells the power to administrators only'),
      },
    };
  });
}

/** `spdisplays_metal3` is "Metal 3": Metal is part of the system, so it stands for the driver. */
function metal(family: string | undefined) {
  const version = /metal(\d+)/.exec(family ?? '')?.[1];
  return version === undefined ? notTold('system_profiler names no Metal family') : `Metal ${version}`;
}
