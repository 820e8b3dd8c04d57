import { describe, expect, it } from 'vitest';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { cacheSizes, defaultOption, ledgerWith, settingsOf } from '../../src-renderer/fit/fit_choice.ts';
import { fakeFit } from '../ui/fake_fit.ts';
import { DEMO_MODEL } from '../ui/fake_model.ts';

const fitAt = (budgetBytes: number) => fakeFit(DEMO_MODEL, DEFAULT_RUN, budgetBytes);
const least = Math.ceil(fitAt(2 ** 40).options[0]?.leastBudgetBytes ?? 0);

describe('a choice of what fits', () => {
  it.each([
    [2 ** 40, ['all', 'smallest'], 'all'],
    [least + 4 * (fitAt(0).options[0]?.bytesPerSlot ?? 0), ['largest', 'smallest'], 5],
    [least, ['smallest'], 1],
  ] as const)('with %i bytes offers %j and sets %j', (budget, sizes, slots) => {
    const fit = fitAt(budget);
    const [option] = fit.options;
    if (option === undefined) throw new Error('no option');
    expect(cacheSizes(option)).toEqual(sizes);
    expect(settingsOf(fit, option, sizes[0])).toEqual({ precision: DEFAULT_RUN.precision, cacheSlots: slots });
  });

  it('loads anyway by raising the budget to what the smallest cache needs', () => {
    const fit = fitAt(least - 1);
    const [option] = fit.options;
    if (option === undefined) throw new Error('no option');
    expect(defaultOption(fit)).toBe(0);
    expect(settingsOf(fit, option, 'smallest')).toMatchObject({
      cacheSlots: 1,
      devices: [{ id: 'cpu:0', budgetBytes: least }],
    });
  });

  it('begins with the first precision that fits', () => {
    const fit = fitAt(2 ** 40);
    const [option] = fit.options;
    if (option === undefined) throw new Error('no option');
    expect(defaultOption({ ...fit, options: [{ ...option, slotsThatFit: 0 }, option] })).toBe(1);
    expect(ledgerWith(option, 3)[3]).toBe(3 * option.bytesPerSlot);
  });
});
