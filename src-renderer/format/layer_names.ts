import type { ModelSummary } from '../../engine/protocol/model.ts';

type MoeLayers = ModelSummary['moeLayers'];

/** True when the model has MoE layers in both stacks: names then say which. */
export const hasBothStacks = (layers: MoeLayers): boolean =>
  layers.some(({ stack }) => stack === 'encoder') && layers.some(({ stack }) => stack === 'decoder');

/** Layers are called by their block index in the checkpoint (from 0), so that a name here is the name in the tensor list. */
export function layerName(layers: MoeLayers, index: number): string {
  const layer = layers[index];
  if (layer === undefined) return `layer ${index}`;
  return hasBothStacks(layers) ? `${layer.stack} layer ${layer.block}` : `layer ${layer.block}`;
}

export const layerTick = (layers: MoeLayers, index: number): string => String(layers[index]?.block ?? index);

export const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
