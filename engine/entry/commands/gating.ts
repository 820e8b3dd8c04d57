import path from 'node:path';
import { gatingLab } from '../../coordinator/gating_lab.ts';
import { openModel } from '../../coordinator/open_model.ts';
import { GatingLabParams, type GatingTable } from '../../protocol/labs.ts';
import { Capacity, TutelFactor } from '../../protocol/settings.ts';
import { BadArguments, type Command, countFlag, numberFlag, parseFlags, printJson, textFlag } from './command.ts';
import { ProgressBar } from './progress_bar.ts';

const DEFAULTS = GatingLabParams.parse({});

export const gating: Command = {
  name: 'gating',
  summary: 'Runs the same text through every gating policy: slots, drops, bytes, time, memory, perplexity',
  help: [
    '  --model DIR         model folder',
    `  --capacity C        of static gating (default ${DEFAULTS.capacity})`,
    `  --tutel-factor F    of Tutel (default ${DEFAULTS.tutelFactor})`,
    `  --batch N,N,...     sequences of 32 tokens per step; the first one for the comparison, all for throughput (default ${DEFAULTS.batch}; ${DEFAULTS.batches.join(',')})`,
    `  --capacities C,...  of the perplexity curve, or none (default ${DEFAULTS.capacities.join(',')})`,
    '  --budget-mib M      bytes that the device may hold, MiB',
    '  --json              machine-readable',
  ].join('\n'),
  options: {
    model: { type: 'string' },
    capacity: { type: 'string' },
    'tutel-factor': { type: 'string' },
    batch: { type: 'string' },
    capacities: { type: 'string' },
    'budget-mib': { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const values = parseFlags(args, gating.options);
    const batches = values.batch === undefined ? undefined : numbers(values.batch);
    const params = GatingLabParams.safeParse({
      capacity: numberFlag(values, 'capacity', Capacity, 'a number above 0 and at most 1', DEFAULTS.capacity),
      tutelFactor: numberFlag(values, 'tutel-factor', TutelFactor, 'a number from -16 to 16', DEFAULTS.tutelFactor),
      ...(batches && { batch: batches[0], batches }),
      ...(values.capacities !== undefined && {
        capacities: values.capacities === 'none' ? [] : numbers(values.capacities),
      }),
    });
    if (!params.success) {
      const [issue] = params.error.issues;
      throw new BadArguments(`--${issue?.path[0] === 'capacities' ? 'capacities' : 'batch'}: ${issue?.message}`);
    }
    const budgetMib = countFlag(values, 'budget-mib', 1, 1 << 24, 0);
    const model = openModel(textFlag(values, 'model'));
    const bar = new ProgressBar();
    const table = await gatingLab(model, params.data, {
      rankEntry: path.join(__dirname, 'rank.cjs'),
      ...(budgetMib > 0 && { budgetBytes: budgetMib * 2 ** 20 }),
      pause: async (fraction, text) => bar.show(fraction, text),
    });
    bar.end();
    if (values.json) printJson(table);
    else process.stdout.write(tableText(table));
  },
};

function numbers(value: string | boolean): number[] {
  return String(value).split(',').map(Number);
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Encoder and decoder apart, where there are both. */
function stackLines(rows: GatingTable['rows']): string[] {
  const columns = ['slots', 'waste', 'dropped'];
  const lines = rows.flatMap(({ title, stacks }) => {
    if (stacks === undefined) return [];
    const cells = [stacks.encoder, stacks.decoder].flatMap(({ slots, wasteFactor, droppedPairs }) => [
      slots.toFixed(0),
      `${wasteFactor.toFixed(2)}x`,
      droppedPairs.toFixed(1),
    ]);
    return [`${title.padEnd(20)}${cells.map((text) => text.padStart(13)).join('')}`];
  });
  if (lines.length === 0) return [];
  const head = ['encoder', 'decoder'].flatMap((stack) =>
    columns.map((name) => `${stack.slice(0, 3)}. ${name}`.padStart(13)),
  );
  return ['', `${'per layer of a stack'.padEnd(20)}${head.join('')}`, ...lines];
}

function tableText({ rows, throughput, quality, warnings, tokensPerStep, capacity, tutelFactor }: GatingTable): string {
  const lines = [
    `${tokensPerStep} tokens a step, C ${capacity}, Tutel factor ${tutelFactor}; slots, drops and bytes per MoE layer (measured)`,
    `${'policy'.padEnd(20)}${['slots', 'waste', 'dropped', 'exchanged', 'step', 'tok/s', 'peak', 'activation'].map((name) => name.padStart(13)).join('')}`,
    ...rows.map((row) =>
      [
        row.title.padEnd(20),
        ...[
          row.slots.toFixed(0),
          `${row.wasteFactor.toFixed(2)}x`,
          row.droppedPairs.toFixed(1),
          mib(row.exchangedBytes),
          `${row.stepMs.toFixed(1)} ms`,
          row.tokensPerSecond.toFixed(0),
          mib(row.peakBytes),
          mib(row.activationBytes),
        ].map((text) => text.padStart(13)),
      ].join(''),
    ),
    ...stackLines(rows),
    '',
    'tokens/s by sequences a step (measured; - does not fit the budget)',
  ];
  const batches = [...new Set(throughput.map(({ batch }) => batch))];
  lines.push(`${'policy'.padEnd(20)}${batches.map((batch) => String(batch).padStart(10)).join('')}`);
  for (const policy of new Set(throughput.map((point) => point.policy))) {
    const points = throughput.filter((point) => point.policy === policy);
    lines.push(
      `${policy.padEnd(20)}${points.map((p) => (p.tokensPerSecond?.toFixed(0) ?? '-').padStart(10)).join('')}`,
    );
  }
  if (quality.length > 0) lines.push('', 'static gating on held-out text (measured)');
  for (const point of quality) {
    lines.push(
      `C ${String(point.capacity).padEnd(6)} perplexity ${point.perplexity.toFixed(2).padStart(8)}, ${(100 * point.droppedShare).toFixed(1)}% of pairs dropped`,
    );
  }
  return `${[...lines, ...warnings.map((warning) => `\n${warning}`)].join('\n')}\n`;
}
