import path from 'node:path';
import { EngineRefusal } from '../../api.ts';
import { Checkpoint, openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { readSafetensorsHeader } from '../../checkpoint/safetensors.ts';
import { writeSafetensors } from '../../checkpoint/safetensors_write.ts';
import { forwardLogits } from '../../coordinator/logits.ts';
import { readModelSpec } from '../../families/family.ts';
import { moeLayers } from '../../families/spec.ts';
import { type Command, parseFlags, printJson, textFlag } from './command.ts';

export const logits: Command = {
  name: 'logits',
  summary: 'One forward pass on given token ids, for checks against a reference',
  help: [
    '  --model DIR              model folder',
    '  --input FILE             safetensors with input_ids [rows, length] (I64 or I32), optional attention_mask',
    '  --out FILE               safetensors: logits F32 [rows, length, vocab], expert_ids I32 [MoE layers, tokens, k]',
    '  --json                   prints the shapes as JSON',
  ].join('\n'),
  async run(args) {
    const values = parseFlags(args, {
      model: { type: 'string' },
      input: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean' },
    });
    const folder = textFlag(values, 'model');
    const out = textFlag(values, 'out');
    const input = textFlag(values, 'input');
    const checkpoint = openCheckpoint(folder);
    const spec = readModelSpec(folder, checkpoint);
    const inputIds = readIds(input, 'input_ids');
    if (inputIds === undefined)
      throw new EngineRefusal(`${path.basename(input)}: has no tensor "input_ids"; give one of shape [rows, length].`);
    const mask = readIds(input, 'attention_mask');
    const result = await forwardLogits(folder, spec, checkpoint, { inputIds, ...(mask && { mask }) });
    const rows = inputIds.length;
    const length = inputIds[0]?.length ?? 0;
    const layers = moeLayers(spec).length;
    const topK = result.expertIds.length / (layers * rows * length);
    const shapes = { logits: [rows, length, spec.vocabSize], expert_ids: [layers, rows * length, topK] };
    writeSafetensors(out, {
      logits: { dtype: 'F32', shape: shapes.logits, data: result.logits },
      expert_ids: { dtype: 'I32', shape: shapes.expert_ids, data: result.expertIds },
    });
    if (values.json) printJson({ out, ...shapes });
    else
      process.stdout.write(
        `${out}: logits [${shapes.logits.join(', ')}], expert_ids [${shapes.expert_ids.join(', ')}]\n`,
      );
  },
};

/** Integer rows of a tensor [rows, length]; a vector is one row. */
function readIds(file: string, name: string): Int32Array[] | undefined {
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
  return Array.from({ length: values.length / Math.max(1, length) }, (_, row) =>
    values.slice(row * length, (row + 1) * length),
  );
}

function toIntegers(dtype: string, bytes: Uint8Array): Int32Array | undefined {
  if (dtype === 'I32') return new Int32Array(bytes.buffer);
  if (dtype === 'I64') return Int32Array.from(new BigInt64Array(bytes.buffer), Number);
  return undefined;
}
