import type { FitOption, ModelFit } from '../../engine/protocol/fit.ts';
import { LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import type { RunPatch } from '../stores/settings.ts';

/** How much of what fits is taken for experts: all of them, as many as fit, or a slot a layer. */
export type CacheSize = 'all' | 'largest' | 'smallest';

/** Sizes that differ from each other, largest first. */
export function cacheSizes({ slotsThatFit, mostSlots }: FitOption): readonly CacheSize[] {
  if (slotsThatFit >= mostSlots) return mostSlots === 1 ? ['all'] : ['all', 'smallest'];
  return slotsThatFit > 1 ? ['largest', 'smallest'] : ['smallest'];
}

export function slotsOf({ slotsThatFit, mostSlots }: FitOption, size: CacheSize): number {
  switch (size) {
    case 'all':
      return mostSlots;
    case 'largest':
      return slotsThatFit;
    case 'smallest':
      return 1;
  }
}

/** The precision that is set where it fits at all, else the first that does; where none fits, the set one. */
export function defaultOption({ options }: ModelFit): number {
  const fits = options.findIndex(({ slotsThatFit }) => slotsThatFit > 0);
  return Math.max(0, fits);
}

const EXPERTS = LEDGER_CATEGORIES.indexOf('experts');

/** Ledger of one device with so many slots a layer, by category. Estimated. */
export function ledgerWith({ smallest, bytesPerSlot }: FitOption, slots: number): number[] {
  return smallest.map((bytes, category) => (category === EXPERTS ? slots * bytesPerSlot : bytes));
}

/** What a choice sets. Where nothing fits, budgets are raised to what the smallest cache needs: that is what "anyway" means. */
export function settingsOf(fit: ModelFit, option: FitOption, size: CacheSize): RunPatch {
  const { precision, slotsThatFit, leastBudgetBytes, mostSlots } = option;
  const slots = slotsOf(option, size);
  return {
    precision,
    cacheSlots: slots === mostSlots ? 'all' : slots,
    ...(slotsThatFit === 0 && {
      devices: fit.devices.map(({ id, budgetBytes }) => ({
        id,
        budgetBytes: Math.max(budgetBytes, Math.ceil(leastBudgetBytes)),
      })),
    }),
  };
}
