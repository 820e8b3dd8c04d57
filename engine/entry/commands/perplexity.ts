import path from 'node:path';
import { EngineRefusal } from '../../api.ts';
import { heldOut } from '../../coordinator/gating_lab.ts';
import { openModel } from '../../coordinator/open_model.ts';
import { measurePerplexity } from '../../coordinator/perplexity.ts';
import { BadArguments, type Command, countFlag, parseFlags, printJson, textFlag } from './command.ts';
import { GATING_FLAGS, GATING_HELP, gatingFlags } from './gating_flags.ts';
import { PRECISION_FLAGS, PRECISION_HELP, precisionFlags } from './precision_flags.ts';
import { ProgressBar } from './progress_bar.ts';

export const perplexity: Command = {
  name: 'perplexity',
  summary: 'Perplexity of a language model on its held-out samples under a gating policy: what dropping costs',
  help: [
    '  --model DIR                 model folder with samples/*.txt',
    ...GATING_HELP,
    ...PRECISION_HELP,
    '  --sequences N               pieces of the samples, from all in turn (default 16)',
    '  --sequence-tokens T         tokens of a piece (default 64)',
    '  --batch B                   pieces in a step: capacity is a share of its tokens (default 4)',
    '  --json                      machine-readable',
  ].join('\n'),
  options: {
    model: { type: 'string' },
    ...GATING_FLAGS,
    ...PRECISION_FLAGS,
    sequences: { type: 'string' },
    'sequence-tokens': { type: 'string' },
    batch: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const values = parseFlags(args, perplexity.options);
    const gating = gatingFlags(values);
    const precision = precisionFlags(values);
    const sequences = countFlag(values, 'sequences', 1, 100_000, 16);
    const tokens = countFlag(values, 'sequence-tokens', 2, 131_072, 64);
    const batch = countFlag(values, 'batch', 1, 256, 4);
    const folder = textFlag(values, 'model');
    const model = openModel(folder);
    if (model.translation !== undefined)
      throw new EngineRefusal(`${folder}: perplexity is measured for language models; this one reads sources.`);
    if (tokens > model.spec.contextTokens)
      throw new BadArguments(`--sequence-tokens: ${folder} takes up to ${model.spec.contextTokens}, not ${tokens}`);
    const bar = new ProgressBar();
    const [found] = await measurePerplexity(model, {
      rankEntry: path.join(__dirname, 'rank.cjs'),
      sequences: heldOut(model, sequences, tokens),
      batch,
      gating: [gating],
      precision,
      pause: async (done, text) => bar.show(done, text),
    });
    bar.end();
    if (found === undefined) {
      throw new EngineRefusal(
        `batch: ${batch * tokens} tokens a step do not fit the device's budget under ${gating.gating} gating; lower it.`,
      );
    }
    if (values.json) return printJson({ model: model.summary.name, how: 'measured', ...gating, precision, ...found });
    process.stdout.write(
      `perplexity ${found.perplexity.toFixed(3)} (loss ${found.loss.toFixed(4)}) over ${found.predictions} predictions, ` +
        `${(100 * found.droppedShare).toFixed(2)}% of token-expert pairs dropped (measured)\n`,
    );
  },
};
