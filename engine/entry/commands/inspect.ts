import { fitModel } from '../../coordinator/fit.ts';
import { readLoadRate } from '../../coordinator/load_rate.ts';
import { inspectModel } from '../../coordinator/open_model.ts';
import { chooseDevices } from '../../device/discovery.ts';
import type { FitOption, ModelFit } from '../../protocol/fit.ts';
import type { ModelSummary } from '../../protocol/model.ts';
import { LEDGER_CATEGORIES } from '../../protocol/telemetry.ts';
import { defaultDataDir } from '../folders.ts';
import { type Command, mib, parseFlags, printJson, textFlag } from './command.ts';
import { RUN_FLAGS, readRunSettings } from './run_flags.ts';

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

function modelRows({ model, stored }: ModelFit): [string, string][] {
  const { sampling } = model;
  return [
    ['model', `${model.name} (${model.family}, ${model.fingerprint})`],
    ['layers', `${model.layers}, of which MoE ${model.moeLayers.length}`],
    ...(model.encoderLayers === undefined ? [] : stackRows(model)),
    ['experts', `${model.experts} per layer, ${model.topK} per token`],
    ['parameters', model.parameters.toLocaleString('en')],
    ['context', `${model.contextTokens} tokens`],
    ['prompts', model.chat ? 'text, or messages in its chat template (--chat)' : 'text'],
    ...(sampling === undefined
      ? []
      : [
          [
            'asks for',
            Object.entries(sampling)
              .map(([name, value]) => `${name} ${value}`)
              .join(', '),
          ] as [string, string],
        ]),
    [
      'stored',
      `${mib(stored.dense)} dense, ${mib(stored.experts)} experts as ${model.dtype}, ${mib(stored.perExpert)} each`,
    ],
  ];
}

function fitRows(option: FitOption, devices: number): [string, string][] {
  const { held, perExpertBytes, allExpertsBytes, smallest, bytesPerSlot, mostSlots, slotsThatFit, loadMs } = option;
  const total = smallest.reduce((sum, bytes) => sum + bytes, 0);
  const rows: [string, string][] = [
    [`${held.experts}, dense ${held.dense}`, `${mib(perExpertBytes)} an expert, ${mib(allExpertsBytes)} all experts`],
    ...LEDGER_CATEGORIES.map((category, index): [string, string] => [`  ${category}`, mib(smallest[index] ?? 0)]),
    ['smallest cache', `1 slot per layer, ${mib(total)}${devices === 1 ? '' : ' each'} (estimated)`],
    [
      'largest that fits',
      slotsThatFit === 0
        ? `none: ${option.refusal}`
        : `${slotsThatFit} of ${mostSlots} slots per layer, ${mib(total + (slotsThatFit - 1) * bytesPerSlot)} (estimated)`,
    ],
  ];
  if (loadMs === undefined) rows.push(['load time', 'not known before the first run on this machine']);
  else
    rows.push([
      'load time',
      `${seconds(loadMs.dense)} to the first step, ${seconds(loadMs.cache)} to fill that cache (estimated)`,
    ]);
  return rows;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export const inspect: Command = {
  name: 'inspect',
  summary: 'Tells what a model folder holds and what of it fits, reading headers only',
  help: [
    '  --model DIR      folder with config.json and safetensors',
    '  --devices cpu:D  --budget-mib M  --batch B  --prompt-tokens P  --new-tokens T  --gating ...  --placement ...',
    '                   what it is to fit, as in run; --experts and --dense add a precision to those told',
    '  --json           machine-readable',
  ].join('\n'),
  async run(args) {
    const values = parseFlags(args, RUN_FLAGS);
    const inspected = inspectModel(textFlag(values, 'model'));
    const settings = readRunSettings(values, inspected.summary);
    const devices = await chooseDevices(settings.devices);
    const rate = readLoadRate(defaultDataDir());
    const fit = fitModel(inspected, devices, { ...settings, devices: devices.length }, rate);
    const { model, ...fits } = fit;
    if (values.json) return printJson({ ...model, fit: fits });
    const rows = [
      ...modelRows(fit),
      ...devices.map(({ id, bytes }): [string, string] => [id, `budget ${mib(bytes)}`]),
      ...fit.options.flatMap((option) => fitRows(option, devices.length)),
    ];
    for (const [name, value] of rows) process.stdout.write(`${name.padEnd(20)} ${value}\n`);
  },
};
