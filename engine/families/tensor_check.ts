import { EngineRefusal } from '../api.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { checkReadable } from '../checkpoint/scaled_tensors.ts';
import type { WeightRef } from './spec.ts';

/** Turns tensor names into references, refusing a checkpoint that lacks one or has it in another shape or an unreadable type: before anything is loaded. */
export class TensorCheck {
  constructor(private readonly checkpoint: Checkpoint) {}

  has(name: string): boolean {
    return this.checkpoint.tensors.has(name);
  }

  weight(name: string, shape: readonly number[]): WeightRef {
    const tensor = this.checkpoint.tensors.get(name);
    if (tensor === undefined) {
      throw new EngineRefusal(
        `config.json: it calls for a tensor "${name}", and the checkpoint has no tensor of that name; fetch the model's files again.`,
      );
    }
    if (tensor.shape.length !== shape.length || shape.some((dim, axis) => dim !== tensor.shape[axis])) {
      throw new EngineRefusal(
        `${tensor.file}: tensor "${name}" is [${tensor.shape.join(', ')}] where config.json calls for [${shape.join(', ')}]; ` +
          'config.json and weights are not of one model: fetch both again.',
      );
    }
    checkReadable(name, tensor);
    return { tensor: name };
  }

  /** How a tensor is stored; undefined where there is none. */
  dtype(name: string): string | undefined {
    return this.checkpoint.tensors.get(name)?.dtype;
  }

  /** The first of several names that tied weights may be stored under. */
  firstOf(names: readonly string[], shape: readonly number[]): WeightRef {
    return this.weight(names.find((name) => this.has(name)) ?? (names[0] as string), shape);
  }
}
