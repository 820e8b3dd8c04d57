import { inspectModel } from '../../coordinator/open_model.ts';
import { type Command, parseFlags, printJson, textFlag } from './command.ts';

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export const inspect: Command = {
  name: 'inspect',
  summary: 'Tells what a model folder holds, reading headers only',
  help: '  --model DIR   folder with config.json and safetensors\n  --json        machine-readable',
  async run(args) {
    const values = parseFlags(args, { model: { type: 'string' }, json: { type: 'boolean' } });
    const { summary } = inspectModel(textFlag(values, 'model'));
    if (values.json) return printJson(summary);
    const { deviceBytes, experts, moeLayers } = summary;
    const rows: [string, string][] = [
      ['model', `${summary.name} (${summary.family}, ${summary.fingerprint})`],
      ['layers', `${summary.layers}, of which MoE ${moeLayers.length}`],
      ['experts', `${experts} per layer, ${summary.topK} per token`],
      ['parameters', summary.parameters.toLocaleString('en')],
      ['stored', `${mib(summary.storedBytes)}, experts ${summary.dtype}`],
      [
        'on a CPU device',
        `${mib(deviceBytes.embedding + deviceBytes.attention + deviceBytes.otherDense)} dense as float32`,
      ],
      ['one expert', mib(deviceBytes.perExpert)],
      ['all experts', mib(deviceBytes.perExpert * experts * moeLayers.length)],
      ['KV cache', `${(deviceBytes.kvPerToken / 1024).toFixed(1)} KiB per token`],
      ['context', `${summary.contextTokens} tokens`],
    ];
    for (const [name, value] of rows) process.stdout.write(`${name.padEnd(16)} ${value}\n`);
  },
};
