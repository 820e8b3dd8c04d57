import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { PAGE_BYTES, type PackPlan, type PackRecord } from '../checkpoint/pack/make_pack.ts';
import { expertWeights, type ModelSpec, type MoeLayer, moeLayers } from '../families/spec.ts';
import { expertGraph } from '../graph/expert.ts';
import type { PrecisionName } from '../protocol/settings.ts';
import { fillPart } from './weights.ts';

/** Where each layer's experts lie in a pack, an expert behind the other: what a device needs to know of it. */
export class PackLayout {
  readonly bytes: number;
  private readonly layers: { readonly firstBytes: number; readonly expertBytes: number }[] = [];

  constructor(moe: readonly MoeLayer[], hidden: number, precision: WeightPrecision) {
    let at = 0;
    for (const { feedForward } of moe) {
      const { blobBytes } = expertGraph(feedForward.expert(0), hidden, feedForward.width, precision);
      const expertBytes = Math.ceil(blobBytes / PAGE_BYTES) * PAGE_BYTES;
      this.layers.push({ firstBytes: at, expertBytes });
      at += expertBytes * feedForward.experts;
    }
    this.bytes = at;
  }

  /** Where an expert's bytes begin in the pack's file. */
  offsetBytes(layer: number, expert: number): number {
    const { firstBytes, expertBytes } = this.layers[layer] as PackLayout['layers'][number];
    return firstBytes + expert * expertBytes;
  }
}

/**
 * What experts are packed as; undefined where a load reads them from the checkpoint.
 * As stored, they are read, and converted at every load: a pack of float32 is twice a checkpoint of 16-bit floats, on disk and in the
 * page cache that serves misses. Whoever asks for `fp32` by name gets it, and misses that take a twentieth of the time, since nothing
 * is read, converted or copied (`npm run bench -- --only miss`). A checkpoint that is float32 is mapped without a pack.
 */
export function packedAs(spec: ModelSpec, checkpoint: Checkpoint, experts: PrecisionName): WeightPrecision | undefined {
  if (experts === 'stored') return undefined;
  const [layer] = moeLayers(spec);
  if (layer === undefined) return undefined;
  const { feedForward } = layer;
  const isMapped = (): boolean =>
    expertGraph(feedForward.expert(0), spec.hiddenSize, feedForward.width, 'fp32', checkpoint).parts.length === 0;
  return experts === 'fp32' && isMapped() ? undefined : experts;
}

/**
 * How a model's experts are packed at a precision, and where under `packsDir`.
 */
export function planPack(
  spec: ModelSpec,
  checkpoint: Checkpoint,
  model: { readonly name: string; readonly fingerprint: string },
  precision: WeightPrecision,
  packsDir: string,
): PackPlan {
  const moe = moeLayers(spec);
  const layout = new PackLayout(moe, spec.hiddenSize, precision);
  const files = new Set<string>();
  const records = moe.flatMap(({ index, feedForward }) => {
    const { parts, blobBytes } = expertGraph(feedForward.expert(0), spec.hiddenSize, feedForward.width, precision);
    const each = parts.map((part) => (part.encoding === 'fp32' ? part.floats : part.rows * part.columns));
    const values = each.reduce((sum, count) => sum + count, 0);
    return Array.from({ length: feedForward.experts }, (_, id): PackRecord => {
      const refs = expertWeights(feedForward.expert(id));
      for (const { tensor } of refs) files.add(checkpoint.fileOf(tensor));
      return {
        offsetBytes: layout.offsetBytes(index, id),
        byteLength: blobBytes,
        values,
        *fill(into) {
          for (const [at, part] of parts.entries()) yield* fillPart(checkpoint, part, refs[at] ?? part.ref, into);
        },
      };
    });
  });
  const key = packKey(checkpoint.folder, model.fingerprint, [...files].sort());
  const folder = path.join(
    packsDir,
    `${model.name.replace(/[^\w.-]/g, '_').slice(0, 80)}-${precision}-${key.slice(0, 12)}`,
  );
  return { folder, model: model.name, precision, key, bytes: layout.bytes, records };
}

/**
 * Names the weights by their files' sizes and times: a model's fingerprint is the same for other weights of its shapes, and hashing
 * the weights would read all of them. A copied checkpoint is packed anew.
 */
function packKey(folder: string, fingerprint: string, files: readonly string[]): string {
  const hash = createHash('sha256').update(fingerprint);
  for (const file of files) {
    const { size, mtimeMs } = statSync(path.join(folder, file));
    hash.update(`${JSON.stringify([file, size, mtimeMs])}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}
