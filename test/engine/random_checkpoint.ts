import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type WritableTensor, writeSafetensors } from '../../engine/checkpoint/safetensors_write.ts';

/** A checkpoint of seeded random weights, tensor by tensor. */
export class RandomCheckpoint {
  private readonly tensors: Record<string, WritableTensor> = {};

  constructor(private seed: number) {}

  /** Uniform numbers within `scale` of `around`. */
  put(name: string, shape: readonly number[], scale = 0.4, around = 0): void {
    const words = this.words(shape);
    const data = Float32Array.from(words, (word) => around + (word / 2 ** 31 - 1) * scale);
    this.tensors[name] = { dtype: 'F32', shape, data };
  }

  /** 8-bit floats without NaN, up to 240, times scales of about 0.005. */
  putFloat8(name: string, shape: readonly [number, number]): void {
    const data = Uint8Array.from(this.words(shape), (word) => (word >>> 24) & 0xf7);
    this.tensors[name] = { dtype: 'F8_E4M3', shape, data };
    this.put(
      `${name}_scale_inv`,
      shape.map((dim) => Math.ceil(dim / 128)),
      1e-3,
      5e-3,
    );
  }

  /** Blocks of 4-bit floats, up to 6, times 1/16 or 1/8; the last of `shape` is a multiple of 32. */
  putMxfp4(name: string, shape: readonly number[]): void {
    const outer = shape.slice(0, -1);
    const blocks = [...outer, (shape.at(-1) as number) / 32];
    const codes = this.words([...blocks, 16]);
    this.tensors[`${name}_blocks`] = {
      dtype: 'U8',
      shape: [...blocks, 16],
      data: Uint8Array.from(codes, (word) => word >>> 24),
    };
    const scales = this.words(blocks);
    this.tensors[`${name}_scales`] = {
      dtype: 'U8',
      shape: blocks,
      data: Uint8Array.from(scales, (word) => 123 + (word >>> 31)),
    };
  }

  /** Seeded 32-bit numbers, as many as a tensor has values. */
  private words(shape: readonly number[]): Uint32Array {
    let state = this.seed++;
    const count = shape.reduce((product, dim) => product * dim, 1);
    return Uint32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state;
    });
  }

  /** Puts tensors one behind the other, as one of another name and shape. */
  join(name: string, shape: readonly number[], parts: readonly string[]): void {
    const data = parts.map((part) => (this.tensors[part] as WritableTensor).data as Float32Array);
    const all = new Float32Array(data.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of data) {
      all.set(part, at);
      at += part.length;
    }
    for (const part of parts) delete this.tensors[part];
    this.tensors[name] = { dtype: 'F32', shape, data: all };
  }

  linear(name: string, outFeatures: number, inFeatures: number, bias: boolean, scale = 0.4): void {
    this.put(`${name}.weight`, [outFeatures, inFeatures], scale);
    if (bias) this.put(`${name}.bias`, [outFeatures], 0.2);
  }

  norm(name: string, hidden: number, bias: boolean): void {
    this.put(`${name}.weight`, [hidden], 0.2, 1);
    if (bias) this.put(`${name}.bias`, [hidden], 0.2);
  }

  /** Writes a model folder of its own; returns it. */
  write(config: object): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'moe-random-'));
    writeSafetensors(path.join(folder, 'model.safetensors'), this.tensors);
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
    return folder;
  }
}

export interface NllbSizes {
  readonly hidden: number;
  readonly heads: number;
  readonly vocab: number;
  readonly experts: number;
  readonly prefix: string;
  readonly routerBias: boolean;
  readonly stacks: Readonly<
    Record<'encoder' | 'decoder', { readonly layers: number; readonly step: number; readonly width: number }>
  >;
}

/** Tensors of NLLB-MoE's layers; a stack of 0 layers has none, and a decoder has cross-attention where there is an encoder. */
export function putNllb(checkpoint: RandomCheckpoint, sizes: NllbSizes): void {
  const { hidden, vocab, experts, prefix, routerBias, stacks } = sizes;
  const embedding = stacks.encoder.layers > 0 ? 'shared.weight' : 'decoder.embed_tokens.weight';
  checkpoint.put(`${prefix}${embedding}`, [vocab, hidden], 0.5);
  for (const stack of ['encoder', 'decoder'] as const) {
    const { layers, step, width } = stacks[stack];
    if (layers > 0) checkpoint.norm(`${prefix}${stack}.layer_norm`, hidden, true);
    for (let layer = 0; layer < layers; layer++) {
      const at = `${prefix}${stack}.layers.${layer}`;
      const attentions = [
        'self_attn',
        ...(stack === 'decoder' && stacks.encoder.layers > 0 ? ['cross_attention'] : []),
      ];
      for (const attention of attentions) {
        checkpoint.norm(`${at}.${attention}_layer_norm`, hidden, true);
        for (const part of ['q', 'k', 'v', 'out'])
          checkpoint.linear(`${at}.${attention}.${part}_proj`, hidden, hidden, true);
      }
      checkpoint.norm(`${at}.ff_layer_norm`, hidden, true);
      const mlp = (name: string) => {
        checkpoint.linear(`${name}.fc1`, width, hidden, true);
        checkpoint.linear(`${name}.fc2`, hidden, width, true);
      };
      if (step === 0 || (layer + 1) % step !== 0) mlp(`${at}.ffn`);
      else {
        checkpoint.linear(`${at}.ffn.router.classifier`, experts, hidden, routerBias, 1);
        for (let e = 0; e < experts; e++) mlp(`${at}.ffn.experts.expert_${e}`);
      }
    }
  }
}

export interface SwitchSizes {
  readonly hidden: number;
  readonly heads: number;
  /** d_kv */
  readonly keyWidth: number;
  readonly width: number;
  readonly vocab: number;
  readonly experts: number;
  readonly routerBias: boolean;
  readonly tied: boolean;
  readonly layers: Readonly<Record<'encoder' | 'decoder', number>>;
  readonly sparse: Readonly<Record<'encoder' | 'decoder', readonly number[]>>;
}

/** Tensors of Switch Transformers' layers. */
export function putSwitch(checkpoint: RandomCheckpoint, sizes: SwitchSizes): void {
  const { hidden, heads, keyWidth, width, vocab, experts, routerBias, tied, layers, sparse } = sizes;
  const inner = heads * keyWidth;
  checkpoint.put('shared.weight', [vocab, hidden], 1);
  if (!tied) checkpoint.put('lm_head.weight', [vocab, hidden]);
  for (const stack of ['encoder', 'decoder'] as const) {
    checkpoint.norm(`${stack}.final_layer_norm`, hidden, false);
    checkpoint.put(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`, [32, heads], 1);
    for (let block = 0; block < layers[stack]; block++) {
      const at = `${stack}.block.${block}.layer`;
      const attentions = ['SelfAttention', ...(stack === 'decoder' ? ['EncDecAttention'] : [])];
      for (const [index, name] of attentions.entries()) {
        checkpoint.norm(`${at}.${index}.layer_norm`, hidden, false);
        for (const part of ['q', 'k', 'v']) checkpoint.linear(`${at}.${index}.${name}.${part}`, inner, hidden, false);
        checkpoint.linear(`${at}.${index}.${name}.o`, hidden, inner, false);
      }
      const last = `${at}.${attentions.length}`;
      checkpoint.norm(`${last}.layer_norm`, hidden, false);
      const mlp = (name: string) => {
        checkpoint.linear(`${name}.wi`, width, hidden, false);
        checkpoint.linear(`${name}.wo`, hidden, width, false);
      };
      if (!sparse[stack].includes(block)) mlp(`${last}.mlp`);
      else {
        checkpoint.linear(`${last}.mlp.router.classifier`, experts, hidden, routerBias, 1);
        for (let e = 0; e < experts; e++) mlp(`${last}.mlp.experts.expert_${e}`);
      }
    }
  }
}
