import type { DeviceInfo, ModelSummary } from './model.ts';
import type { Precision } from './settings.ts';

/** Whether and how a model runs on the chosen devices, told from headers alone: nothing of its weights has been read. */
export interface ModelFit {
  readonly model: ModelSummary;
  readonly devices: readonly FitDevice[];
  /** Bytes in the checkpoint's files. */
  readonly stored: { readonly dense: number; readonly experts: number; readonly perExpert: number };
  /** One for each precision that is offered: first the one asked for, then others that hold less. */
  readonly options: readonly FitOption[];
  /** At what rate weights were last read and packed on this machine; absent before the first run. Measured. */
  readonly loadRate?: LoadRate;
}

export interface FitDevice extends Pick<DeviceInfo, 'id' | 'name' | 'totalBytes' | 'freeBytes'> {
  /** What the engine may hold there. */
  readonly budgetBytes: number;
}

/** Bytes and times of one device; all are estimated. */
export interface FitOption {
  /** The setting, and what the devices hold under it (`stored` is float32 on a processor). */
  readonly precision: Precision;
  readonly held: { readonly experts: string; readonly dense: string };
  readonly perExpertBytes: number;
  /** All experts of the model, over all devices. */
  readonly allExpertsBytes: number;
  /** Ledger at its highest with one slot a layer, in the order of LEDGER_CATEGORIES. */
  readonly smallest: readonly number[];
  /** Another slot in every MoE layer. */
  readonly bytesPerSlot: number;
  /** Slots that hold every expert that a device owns. */
  readonly mostSlots: number;
  /** Budget that one slot a layer needs, with the longest step there can be. */
  readonly leastBudgetBytes: number;
  /** The largest cache that every budget holds; 0: the model does not fit. */
  readonly slotsThatFit: number;
  /** Why it does not fit, in one sentence. */
  readonly refusal?: string;
  /** Until the first step, and until the largest cache that fits is full; absent without a rate. */
  readonly loadMs?: { readonly dense: number; readonly cache: number };
}

/** How fast the dense parts of a run's devices were loaded, all together. */
export interface LoadRate {
  readonly bytesPerSecond: number;
  /** On devices, of the load it was measured on. */
  readonly bytes: number;
}
