import { inspectModel } from '../../coordinator/open_model.ts';
import { onCpu } from '../../device/precision.ts';
import { bytesHeld, type ModelSummary } from '../../protocol/model.ts';
import { type Command, parseFlags, printJson, textFlag } from './command.ts';
import { PRECISION_FLAGS, PRECISION_HELP, precisionFlags } from './precision_flags.ts';

/** Encoder and decoder apart, and what an encoder-decoder translates into. */
function stackRows({ layers, encoderLayers = 0, moeLayers, targetLanguages = [] }: ModelSummary): [string, string][] {
  const stack = (kind: 'encoder' | 'decoder', count: number): [string, string] => {
    const sparse = moeLayers.filter((layer) => layer.stack === kind).map((layer) => layer.block);
    return [`  ${kind}`, `${count}, MoE ${sparse.join(', ') || 'none'}`];
  };
  const languages: [string, string][] =
    targetLanguages.length === 0 ? [] : [['translates into', targetLanguages.join(', ')]];
  return [stack('encoder', encoderLayers), stack('decoder', layers - encoderLayers), ...languages];
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export const inspect: Command = {
  name: 'inspect',
  summary: 'Tells what a model folder holds, reading headers only',
  help: [
    '  --model DIR                 folder with config.json and safetensors',
    ...PRECISION_HELP,
    '  --json                      machine-readable, bytes at every precision',
  ].join('\n'),
  async run(args) {
    const values = parseFlags(args, { model: { type: 'string' }, ...PRECISION_FLAGS, json: { type: 'boolean' } });
    const precision = precisionFlags(values);
    const { summary } = inspectModel(textFlag(values, 'model'));
    if (values.json) return printJson(summary);
    const { deviceBytes, experts, moeLayers } = summary;
    const { experts: heldAs, dense } = onCpu(precision);
    const held = bytesHeld(summary, precision);
    const rows: [string, string][] = [
      ['model', `${summary.name} (${summary.family}, ${summary.fingerprint})`],
      ['layers', `${summary.layers}, of which MoE ${moeLayers.length}`],
      ...(summary.encoderLayers === undefined ? [] : stackRows(summary)),
      ['experts', `${experts} per layer, ${summary.topK} per token`],
      ['parameters', summary.parameters.toLocaleString('en')],
      ['stored', `${mib(summary.storedBytes)}, experts ${summary.dtype}`],
      ['dense', `${mib(held.embedding + held.attention + held.otherDense)} on a CPU device as ${dense}`],
      ['one expert', `${mib(held.perExpert)} as ${heldAs}`],
      ['all experts', mib(held.perExpert * experts * moeLayers.length)],
      ['KV cache', `${(deviceBytes.kvPerToken / 1024).toFixed(1)} KiB per token`],
      ['context', `${summary.contextTokens} tokens`],
    ];
    for (const [name, value] of rows) process.stdout.write(`${name.padEnd(16)} ${value}\n`);
  },
};
