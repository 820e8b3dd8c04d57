import path from 'node:path';
import { fitModel } from '../../coordinator/fit.ts';
import { LinkSpeeds } from '../../coordinator/link_speeds.ts';
import { readLoadRate } from '../../coordinator/load_rate.ts';
import { inspectModel } from '../../coordinator/open_model.ts';
import { chooseDevices } from '../../device/discovery.ts';
import type { FitOption, ModelFit } from '../../protocol/fit.ts';
import type { ModelSummary } from '../../protocol/model.ts';
import { LEDGER_CATEGORIES } from '../../protocol/telemetry.ts';
import { bytesText } from '../../report/format.ts';
import { defaultDataDir } from '../folders.ts';
import { type Command, parseFlags, printJson, textFlag } from './command.ts';
import { RUN_FLAGS, readRunFlags } from './run_flags.ts';

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
      `${bytesText(stored.dense)} dense, ${bytesText(stored.experts)} experts as ${model.dtype}, ${bytesText(stored.perExpert)} each`,
    ],
  ];
}

/** What one device holds at its highest with the smallest cache, by component. */
function componentRows({ smallest }: FitOption): [string, string][] {
  return LEDGER_CATEGORIES.map((category, index) => [`  ${category}`, bytesText(smallest[index] ?? 0)]);
}

/** A row for each precision. */
function fitTable(options: readonly FitOption[]): string {
  const rows = options.map((option) => {
    const { held, perExpertBytes, allExpertsBytes, smallest, bytesPerSlot, mostSlots, slotsThatFit, loadMs } = option;
    const total = smallest.reduce((sum, bytes) => sum + bytes, 0);
    const largest = `${slotsThatFit} of ${mostSlots} slots, ${bytesText(total + (slotsThatFit - 1) * bytesPerSlot)}`;
    return [
      `${held.experts}, dense ${held.dense}`,
      bytesText(perExpertBytes),
      bytesText(allExpertsBytes),
      bytesText(total),
      slotsThatFit === 0 ? 'none' : largest,
      loadMs === undefined ? 'not known before a first run' : `${seconds(loadMs.dense)} + ${seconds(loadMs.cache)}`,
    ];
  });
  const table = [['experts as', 'one', 'all', 'with 1 slot', 'largest cache that fits', 'loads in'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const refused = options.flatMap(({ held, refusal }) =>
    refusal === undefined ? [] : [`${held.experts}: ${refusal}`],
  );
  return [
    ...lines,
    ...refused,
    'Bytes are of one device and estimated; so is time, to the first step and then to a full cache.',
  ].join('\n');
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export const inspect: Command = {
  name: 'inspect',
  summary: 'Tells what a model folder holds and what of it fits, reading headers only',
  help: [
    '  --model DIR      folder with config.json and safetensors',
    '  --devices cpu:D,webgpu:0  --budget-mib M  --batch B  --prompt-tokens P  --new-tokens T  --gating ...  --placement ...',
    '                   what it is to fit, as in run; --experts and --dense add a precision to those told',
    '  --json           machine-readable',
  ].join('\n'),
  options: RUN_FLAGS,
  async run(args) {
    const values = parseFlags(args, RUN_FLAGS);
    const settingsFor = readRunFlags(values);
    const inspected = inspectModel(textFlag(values, 'model'));
    const settings = settingsFor(inspected.summary);
    const links = new LinkSpeeds(defaultDataDir(), path.join(__dirname, 'link.cjs'));
    const devices = links.toldOfChosen(await chooseDevices(settings.devices));
    const rate = readLoadRate(defaultDataDir());
    const fit = fitModel(inspected, devices, { ...settings, devices: devices.length }, rate);
    const { model, ...fits } = fit;
    if (values.json) return printJson({ ...model, fit: fits });
    const rows = [
      ...modelRows(fit),
      ...devices.map(({ id, bytes }): [string, string] => [id, `budget ${bytesText(bytes)}`]),
      ['with 1 slot', 'per layer, at its highest (estimated)'] as const,
      ...componentRows(fit.options[0] as FitOption),
    ];
    for (const [name, value] of rows) process.stdout.write(`${name.padEnd(18)} ${value}\n`);
    process.stdout.write(`\n${fitTable(fit.options)}\n`);
  },
};
