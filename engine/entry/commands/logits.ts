import path from 'node:path';
import { EngineRefusal } from '../../api.ts';
import { Checkpoint, openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { readSafetensorsHeader } from '../../checkpoint/safetensors.ts';
import { type WritableTensor, writeSafetensors } from '../../checkpoint/safetensors_write.ts';
import { forwardLogits, type LogitsInput } from '../../coordinator/logits.ts';
import { forwardPairs } from '../../coordinator/pair_logits.ts';
import { readModelSpec } from '../../families/family.ts';
import { encoderOf, type ModelSpec, type MoeLayer, moeLayers } from '../../families/spec.ts';
import type { Precision } from '../../protocol/settings.ts';
import { type Command, parseFlags, printJson, textFlag } from './command.ts';
import { PRECISION_FLAGS, PRECISION_HELP, precisionFlags } from './precision_flags.ts';

export const logits: Command = {
  name: 'logits',
  summary: 'One forward pass on given token ids, for checks against a reference',
  help: [
    '  --model DIR              model folder',
    '  --input FILE             safetensors with input_ids [rows, length] (I64 or I32), optional attention_mask',
    '                           an encoder-decoder also takes decoder_input_ids, optional decoder_attention_mask',
    '  --out FILE               safetensors: logits F32 [rows, length, vocab], expert_ids I32 [MoE layers, tokens, k];',
    '                           of an encoder-decoder encoder_expert_ids and decoder_expert_ids; -1 where there is none',
    ...PRECISION_HELP,
    '  --json                   prints the shapes as JSON',
  ].join('\n'),
  options: {
    model: { type: 'string' },
    input: { type: 'string' },
    out: { type: 'string' },
    ...PRECISION_FLAGS,
    json: { type: 'boolean' },
  },
  async run(args) {
    const values = parseFlags(args, logits.options);
    const folder = textFlag(values, 'model');
    const out = textFlag(values, 'out');
    const input = textFlag(values, 'input');
    const precision = precisionFlags(values);
    const checkpoint = openCheckpoint(folder);
    const spec = readModelSpec(folder, checkpoint);
    const inputIds = needIds(input, 'input_ids');
    const mask = readIds(input, 'attention_mask', inputIds);
    const tensors =
      encoderOf(spec) === undefined
        ? await passLanguageModel(folder, spec, checkpoint, precision, { inputIds, ...(mask && { mask }) })
        : await passPairs(folder, spec, checkpoint, precision, input, { inputIds, ...(mask && { mask }) });
    writeSafetensors(out, tensors);
    const shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
    if (values.json) printJson({ out, ...shapes });
    else
      process.stdout.write(
        `${out}: ${Object.entries(shapes)
          .map(([name, shape]) => `${name} [${shape.join(', ')}]`)
          .join(', ')}\n`,
      );
  },
};

type Tensors = Record<string, WritableTensor>;

async function passLanguageModel(
  folder: string,
  spec: ModelSpec,
  checkpoint: Checkpoint,
  precision: Precision,
  input: LogitsInput,
): Promise<Tensors> {
  const { logits, expertIds } = await forwardLogits(folder, spec, checkpoint, input, precision);
  const [rows, length] = [input.inputIds.length, input.inputIds[0]?.length ?? 0];
  const layers = moeLayers(spec).length;
  const topK = expertIds.length / (layers * rows * length);
  return {
    logits: { dtype: 'F32', shape: [rows, length, spec.vocabSize], data: logits },
    expert_ids: { dtype: 'I32', shape: [layers, rows * length, topK], data: expertIds },
  };
}

async function passPairs(
  folder: string,
  spec: ModelSpec,
  checkpoint: Checkpoint,
  precision: Precision,
  file: string,
  input: LogitsInput,
): Promise<Tensors> {
  const decoderIds = needIds(file, 'decoder_input_ids');
  if (decoderIds.length !== input.inputIds.length) {
    throw new EngineRefusal(
      `${path.basename(file)}: decoder_input_ids has ${decoderIds.length} rows and input_ids ${input.inputIds.length}; give as many of each.`,
    );
  }
  const decoderMask = readIds(file, 'decoder_attention_mask', decoderIds);
  const pairs = { ...input, decoderIds, ...(decoderMask && { decoderMask }) };
  const passed = await forwardPairs(folder, spec, checkpoint, pairs, precision);
  const rows = decoderIds.length;
  const moe = moeLayers(spec);
  const topK = (moe[0] as MoeLayer).feedForward.rule.topK;
  const choices = (stack: MoeLayer['stack'], data: Int32Array, length: number): WritableTensor => ({
    dtype: 'I32',
    shape: [moe.filter((layer) => layer.stack === stack).length, rows * length, topK],
    data,
  });
  const [sourceLength, length] = [input.inputIds[0]?.length ?? 0, decoderIds[0]?.length ?? 0];
  return {
    logits: { dtype: 'F32', shape: [rows, length, spec.vocabSize], data: passed.logits },
    encoder_expert_ids: choices('encoder', passed.encoderExpertIds, sourceLength),
    decoder_expert_ids: choices('decoder', passed.decoderExpertIds, length),
  };
}

function needIds(file: string, name: string): Int32Array[] {
  const ids = readIds(file, name);
  if (ids !== undefined) return ids;
  throw new EngineRefusal(`${path.basename(file)}: has no tensor "${name}"; give one of shape [rows, length].`);
}

/**
 * Integer rows of a tensor [rows, length]; a vector is one row.
 * @param beside rows that it must match in shape
 */
function readIds(file: string, name: string, beside?: readonly Int32Array[]): Int32Array[] | undefined {
  const tensors = readSafetensorsHeader(file);
  if (!tensors.has(name)) return undefined;
  const source = new Checkpoint(path.dirname(file), tensors);
  const { dtype, shape, bytes } = source.readRaw(name);
  source.close();
  const length = shape[shape.length - 1] ?? 1;
  const values = toIntegers(dtype, bytes);
  if (values === undefined || shape.length > 2) {
    throw new EngineRefusal(
      `${path.basename(file)}: tensor "${name}" is ${dtype} [${shape.join(', ')}] where I64 or I32 [rows, length] is needed.`,
    );
  }
  const rows = Array.from({ length: values.length / Math.max(1, length) }, (_, row) =>
    values.slice(row * length, (row + 1) * length),
  );
  if (beside !== undefined && (rows.length !== beside.length || rows[0]?.length !== beside[0]?.length)) {
    throw new EngineRefusal(
      `${path.basename(file)}: "${name}" is [${shape.join(', ')}] where [${beside.length}, ${beside[0]?.length}] is needed.`,
    );
  }
  return rows;
}

function toIntegers(dtype: string, bytes: Uint8Array): Int32Array | undefined {
  if (dtype === 'I32') return new Int32Array(bytes.buffer);
  if (dtype === 'I64') return Int32Array.from(new BigInt64Array(bytes.buffer), Number);
  return undefined;
}
