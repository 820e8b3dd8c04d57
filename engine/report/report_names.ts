import type { RunHeader } from '../protocol/run_file.ts';
import type { LedgerCategory, StepPhase } from '../protocol/telemetry.ts';

/** Words and colour classes for what the ledger and the clocks count. */

export const CATEGORY_NAMES: Readonly<Record<LedgerCategory, string>> = {
  embedding: 'embedding',
  attention: 'attention',
  otherDense: 'other dense',
  experts: 'experts',
  kvCache: 'KV cache',
  gatingReorder: 'gating, reorder',
  expertExecution: 'execution',
};

export const CATEGORY_COLOURS: Readonly<Record<LedgerCategory, string>> = {
  embedding: 'm-embedding',
  attention: 'm-attention',
  otherDense: 'm-dense',
  experts: 'm-experts',
  kvCache: 'm-kv',
  gatingReorder: 'm-gating',
  expertExecution: 'm-execution',
};

/** A phase has the colour of the memory it works on. */
export const PHASE_COLOURS: Readonly<Record<StepPhase, string>> = {
  attention: 'm-attention',
  gate: 'm-gating',
  reorder: 'm-gating light',
  exchange: 'm-kv',
  load: 'm-experts',
  experts: 'm-execution',
  combine: 'm-execution light',
  head: 'm-dense',
  other: 'm-embedding',
};

const DEVICE_COLOURS = 8;
export const deviceColour = (device: number): string => `d${device % DEVICE_COLOURS}`;

type MoeLayers = RunHeader['model']['moeLayers'];

export const hasBothStacks = (layers: MoeLayers): boolean => layers.some(({ stack }) => stack !== layers[0]?.stack);

/** "layer 6", or "encoder layer 6" where the model has two stacks. */
export function layerName(layers: MoeLayers, index: number): string {
  const { stack, block } = layers[index] ?? { stack: 'decoder', block: index };
  return hasBothStacks(layers) ? `${stack} layer ${block}` : `layer ${block}`;
}

/** A layer under its bar: "6", or "enc 6" where the model has two stacks. */
export function layerTick(layers: MoeLayers, index: number): string {
  const { stack, block } = layers[index] ?? { stack: 'decoder', block: index };
  return hasBothStacks(layers) ? `${stack.slice(0, 3)} ${block}` : String(block);
}

export const capitalize = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
