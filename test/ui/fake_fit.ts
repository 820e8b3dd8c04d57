import type { ModelFit } from '../../engine/protocol/fit.ts';
import type { ModelSummary } from '../../engine/protocol/model.ts';
import { type RunSettings, STORED_PRECISION } from '../../engine/protocol/settings.ts';

/** Ledger of a run with so many slots a layer, in the order of LEDGER_CATEGORIES. */
export function fakeExpected({ deviceBytes, moeLayers }: ModelSummary, slots: number): number[] {
  const { embedding, attention, otherDense, perExpert, kvPerToken } = deviceBytes;
  const experts = slots * moeLayers.length * perExpert;
  return [embedding, attention, otherDense, experts, 512 * kvPerToken, 2 ** 18, 2 ** 20];
}

export function fakeFit(model: ModelSummary, settings: RunSettings, offeredBytes: number): ModelFit {
  const { perExpert } = model.deviceBytes;
  const bytesPerSlot = perExpert * model.moeLayers.length;
  const smallest = fakeExpected(model, 1);
  const leastBudgetBytes = smallest.reduce((a, b) => a + b, 0);
  const mostSlots = Math.ceil(model.experts / settings.devices.length);
  const devices = settings.devices.map(({ id, budgetBytes = offeredBytes }) => ({
    id,
    name: id.replace(':', ' ').toUpperCase(),
    totalBytes: 16 * 2 ** 30,
    freeBytes: 8 * 2 ** 30,
    budgetBytes,
  }));
  const room =
    Math.floor((Math.min(...devices.map(({ budgetBytes }) => budgetBytes)) - leastBudgetBytes) / bytesPerSlot) + 1;
  const slotsThatFit = Math.max(0, Math.min(mostSlots, room));
  const experts = model.storedBytes * 0.8;
  return {
    model,
    devices,
    stored: {
      dense: model.storedBytes - experts,
      experts,
      perExpert: experts / model.experts / model.moeLayers.length,
    },
    options: [
      {
        precision: STORED_PRECISION,
        held: { experts: 'fp32', dense: 'fp32' },
        perExpertBytes: perExpert,
        allExpertsBytes: bytesPerSlot * model.experts,
        smallest,
        bytesPerSlot,
        mostSlots,
        leastBudgetBytes,
        slotsThatFit,
        ...(slotsThatFit === 0 && {
          refusal: 'cpu:0: the budget does not hold the dense part and one slot per layer; raise it.',
        }),
        loadMs: { dense: 120, cache: 900 },
      },
    ],
    loadRate: { bytesPerSecond: 2 ** 28, bytes: 2 ** 24 },
  };
}
