import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { streamSafetensors } from '../checkpoint/safetensors_stream.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import type { PaperShape } from './shapes.ts';
import { type Density, syntheticConfig, syntheticTensors } from './synthetic_tensors.ts';

/**
 * Writes a scaled shape of the paper as a checkpoint that the engine opens like any other (without a tokenizer: it is given ids).
 * @param routing trace whose skew the routers get
 */
export function writeSyntheticModel(
  folder: string,
  shape: PaperShape,
  density: Density,
  routing: RoutingTrace,
  seed: number,
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(syntheticConfig(shape, density), undefined, 2));
  streamSafetensors(path.join(folder, 'model.safetensors'), syntheticTensors(shape, density, routing, seed));
}
