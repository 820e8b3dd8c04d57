import type { WeightPrecision } from '../checkpoint/block_quantise.ts';
import { crossAttentions, decoderOf, type ModelSpec, moeLayers } from '../families/spec.ts';
import { crossKeysGraph } from '../graph/cross_keys.ts';
import { expertGraph } from '../graph/expert.ts';
import { headGraph } from '../graph/head.ts';
import { layerGraph } from '../graph/layer.ts';
import type { MemoryLedger } from '../rank/ledger.ts';

interface Held {
  readonly experts: WeightPrecision;
  readonly dense: WeightPrecision;
}

/** Enters them in a device's ledger. @returns what takes them out again */
export function holdWidening(spec: ModelSpec, held: Held, ledger: MemoryLedger): () => void {
  const bytes = wideningBytes(spec, held);
  ledger.add('expertExecution', bytes);
  return () => ledger.remove('expertExecution', bytes);
}

/**
 * What products of float16 weights need beside them: the largest of those matrices in float32, since each is widened when it is
 * multiplied, and given up after (see `product`). 0 where none is held as float16.
 */
export function wideningBytes(spec: ModelSpec, held: Held): number {
  const { hiddenSize } = spec;
  let bytes = 0;
  const take = ({ widestBytes }: { readonly widestBytes: number }) => {
    bytes = Math.max(bytes, widestBytes);
  };
  if (held.experts === 'fp16') {
    for (const { feedForward } of moeLayers(spec))
      take(expertGraph(feedForward.expert(0), hiddenSize, feedForward.width, held.experts));
  }
  if (held.dense === 'fp16') {
    take(headGraph(spec, decoderOf(spec).finalNorm, held.dense));
    for (const { kind, layers, finalNorm } of spec.stacks) {
      for (const layer of layers) take(layerGraph(layer, hiddenSize, kind === 'decoder', held.dense));
      if (kind === 'encoder') take(crossKeysGraph(crossAttentions(spec), finalNorm, hiddenSize, held.dense));
    }
  }
  return bytes;
}
