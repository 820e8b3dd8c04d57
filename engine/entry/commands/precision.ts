import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../../api.ts';
import { openModel } from '../../coordinator/open_model.ts';
import { precisionLab } from '../../coordinator/precision_lab.ts';
import { PrecisionLabParams, type PrecisionRow, type PrecisionTable } from '../../protocol/precision.ts';
import { defaultDataDir } from '../folders.ts';
import { type Command, countFlag, parseFlags, printJson, textFlag } from './command.ts';
import { ProgressBar } from './progress_bar.ts';

const DEFAULTS = PrecisionLabParams.parse({});

export const precision: Command = {
  name: 'precision',
  summary: 'What few bits cost and save: perplexity, router agreement, bytes and speed at every precision',
  help: [
    '  --model DIR                 model folder',
    '  --text FILE                 text to measure on (default: the held-out samples of the model)',
    `  --sequences N               pieces of it (default ${DEFAULTS.sequences})`,
    `  --sequence-tokens T         tokens of a piece (default ${DEFAULTS.tokens})`,
    `  --batch B                   pieces in a step (default ${DEFAULTS.batch})`,
    '  --budget-mib M              bytes that the device may hold, MiB',
    '  --json                      machine-readable',
  ].join('\n'),
  options: {
    model: { type: 'string' },
    text: { type: 'string' },
    sequences: { type: 'string' },
    'sequence-tokens': { type: 'string' },
    batch: { type: 'string' },
    'budget-mib': { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const values = parseFlags(args, precision.options);
    const counts = {
      sequences: countFlag(values, 'sequences', 1, 4096, DEFAULTS.sequences),
      tokens: countFlag(values, 'sequence-tokens', 2, 1024, DEFAULTS.tokens),
      batch: countFlag(values, 'batch', 1, 64, DEFAULTS.batch),
    };
    const budgetMib = countFlag(values, 'budget-mib', 1, 1 << 24, 0);
    const text = values.text === undefined ? undefined : readText(textFlag(values, 'text'));
    const params = PrecisionLabParams.parse({ ...counts, text });
    const model = openModel(textFlag(values, 'model'));
    const bar = new ProgressBar();
    const table = await precisionLab(model, params, {
      rankEntry: path.join(__dirname, 'rank.cjs'),
      packsDir: path.join(defaultDataDir(), 'packs'),
      ...(budgetMib > 0 && { budgetBytes: budgetMib * 2 ** 20 }),
      pause: async (fraction, text) => bar.show(fraction, text),
    });
    bar.end();
    if (values.json) printJson(table);
    else process.stdout.write(tableText(table));
  },
};

const MOST_CHARACTERS = 4_000_000;

function readText(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').slice(0, MOST_CHARACTERS);
  } catch (error) {
    throw new EngineRefusal(
      `${file}: the text cannot be read (${(error as NodeJS.ErrnoException).code}); give another file.`,
    );
  }
  if (text.trim() === '') throw new EngineRefusal(`${file}: the text is empty; give another file.`);
  return text;
}

const HEADS = ['one expert', 'perplexity', 'same experts', 'in all layers', 'prefill', 'decode'];
const WIDTH = 16;

function tableText({ model, text, tokens, batch, rows, warnings }: PrecisionTable): string {
  const cells = (name: string, values: readonly string[]) =>
    `${name.padEnd(24)}${values.map((value) => value.padStart(WIDTH)).join('')}`;
  const named = ({ precision }: PrecisionRow) => `${precision.experts}, dense ${precision.dense}`;
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const lines = [
    `${model}: ${tokens} tokens of ${text}, ${batch} sequences a step; experts compared with the stored precision (measured)`,
    '',
    cells('experts', HEADS),
    ...rows.map((row) =>
      cells(named(row), [
        `${(row.bytesPerExpert / 1024).toFixed(1)} KiB`,
        row.perplexity?.toFixed(3) ?? '-',
        percent(row.agreement),
        percent(row.wholeAgreement),
        `${row.prefillTokensPerSecond.toFixed(0)} tok/s`,
        `${row.decodeTokensPerSecond.toFixed(0)} tok/s`,
      ]),
    ),
    '',
    'same experts, by layer',
    ...rows.slice(1).map((row) => `${named(row).padEnd(24)}  ${row.agreementByLayer.map(percent).join('  ')}`),
  ];
  return `${[...lines, ...warnings.map((warning) => `\n${warning}`)].join('\n')}\n`;
}
