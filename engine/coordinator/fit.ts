import { EngineRefusal } from '../api.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ChosenDevice, planned, whyNotHeld } from '../device/discovery.ts';
import { onCpu } from '../device/precision.ts';
import { expertWeights, type ModelSpec, moeLayers, routingShape } from '../families/spec.ts';
import type { FitOption, LoadRate, ModelFit } from '../protocol/fit.ts';
import type { ModelSummary } from '../protocol/model.ts';
import { type Precision, STORED_PRECISION } from '../protocol/settings.ts';
import { denseOf, expectedLedger, type PlanSettings, planMemory, resolveSlots, slotsThatFit } from './memory_plan.ts';

/** Offered first where all devices are cards that compute in it. A processor takes longer for it than for float32 or few bits. */
const ON_CARDS: Precision = { experts: 'fp16', dense: 'fp16' };
/** Less and less, in steps that cost quality: beyond what is stored, few bits for experts first. */
const OFFERED: readonly Precision[] = [
  STORED_PRECISION,
  { experts: 'int8', dense: 'stored' },
  { experts: 'int8', dense: 'int8' },
  { experts: 'int4', dense: 'int8' },
];

export interface Inspected {
  readonly spec: ModelSpec;
  readonly summary: ModelSummary;
  readonly stored: ModelFit['stored'];
}

/**
 * What fits where: the plan that a run is refused or started by, asked before anything is loaded.
 * @param rate of an earlier load on this machine; load times are left out without one
 */
export function fitModel(
  { spec, summary, stored }: Inspected,
  devices: readonly ChosenDevice[],
  settings: PlanSettings,
  rate: LoadRate | undefined,
): ModelFit {
  const asked = settings.precision;
  const halves = devices.every(({ device }) => device.float16 === true) ? [ON_CARDS] : [];
  const others = [...halves, ...OFFERED]
    .filter((offer) => offer.experts !== asked.experts || offer.dense !== asked.dense)
    .filter((offer) => whyNotHeld(devices, offer) === undefined);
  const shape = { ...settings, ...planned(devices) };
  return {
    model: summary,
    devices: devices.map(({ id, bytes, device: { name, totalBytes, freeBytes } }) => ({
      ...{ id, name, totalBytes, freeBytes },
      budgetBytes: bytes,
    })),
    stored,
    options: [asked, ...others].map((precision) => fitOption(spec, devices, { ...shape, precision }, rate)),
    ...(rate && { loadRate: rate }),
  };
}

function fitOption(
  spec: ModelSpec,
  devices: readonly ChosenDevice[],
  settings: PlanSettings,
  rate: LoadRate | undefined,
): FitOption {
  const plan = planMemory(spec, settings);
  const weightsPerSlot = plan.bytesPerSlot - plan.sessionBytesPerSlot;
  const slots = Math.min(...devices.map(({ bytes }) => slotsThatFit(plan, bytes)));
  const tooFew = slots === 0 ? refusalOf(() => resolveSlots(plan, 1, devices)) : undefined;
  const refusal = whyNotHeld(devices, settings.precision) ?? tooFew;
  const layers = moeLayers(spec);
  const { experts } = routingShape(spec);
  return {
    precision: settings.precision,
    held: onCpu(settings.precision),
    perExpertBytes: weightsPerSlot / layers.length,
    allExpertsBytes: weightsPerSlot * experts,
    smallest: expectedLedger(spec, settings, 1),
    bytesPerSlot: plan.bytesPerSlot,
    mostSlots: plan.expertsPerDevice,
    leastBudgetBytes: plan.fixedBytes + plan.bytesPerSlot,
    slotsThatFit: slots,
    ...(refusal && { refusal }),
    ...(rate && { loadMs: loadMs(rate, devices.length, denseOf(plan), Math.max(1, slots) * plan.bytesPerSlot) }),
  };
}

/** Devices load side by side and share what the disk and the processor give. */
function loadMs({ bytesPerSecond }: LoadRate, devices: number, dense: number, cache: number) {
  const ms = (bytes: number) => ((devices * bytes) / bytesPerSecond) * 1000;
  return { dense: ms(dense), cache: ms(cache) };
}

function refusalOf(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    if (error instanceof EngineRefusal) return error.message;
    throw error;
  }
  throw new Error('a cache of one slot was not refused, though none fits');
}

/** Bytes of experts and of everything else, as the files have them. Fused tensors count by the rows of each expert. */
export function storedBytes(spec: ModelSpec, { tensors, storedBytes: all }: Checkpoint): ModelFit['stored'] {
  const moe = moeLayers(spec);
  const names = new Set(
    moe.flatMap(({ feedForward }) =>
      Array.from({ length: feedForward.experts }, (_, expert) => expertWeights(feedForward.expert(expert))).flatMap(
        (weights) => weights.map(({ tensor }) => tensor),
      ),
    ),
  );
  let experts = 0;
  for (const name of names) {
    const tensor = tensors.get(name);
    experts += (tensor?.byteLength ?? 0) + (tensor?.scales?.byteLength ?? 0);
  }
  const count = moe.reduce((sum, { feedForward }) => sum + feedForward.experts, 0);
  return { dense: all - experts, experts, perExpert: experts / count };
}
