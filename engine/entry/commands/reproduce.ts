import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAtomically } from '../../checkpoint/write_atomically.ts';
import { describeMachine } from '../../coordinator/machine.ts';
import { PAPER_CLAIMS } from '../../reproduce/claims.ts';
import { NOTES } from '../../reproduce/notes.ts';
import { reproducePage } from '../../reproduce/page.ts';
import { type Outcome, PARTS, type Part } from '../../reproduce/parts.ts';
import { Workshop } from '../../reproduce/workshop.ts';
import { bundledTracesDir } from '../folders.ts';
import { BadArguments, type Command, parseFlags, textFlag } from './command.ts';

const HEADLINE = 'headline';
const figureIds = PARTS.flatMap(({ figures }) => figures);

export const reproduce: Command = {
  name: 'reproduce',
  summary: 'Measures the tables and figures of the paper on scaled models, beside its own',
  help: [
    '  --out DIR     reproduce.html and reproduce.json are written there',
    `  --only ID     ${HEADLINE} (the paper's headline figures), one claim, or one figure:`,
    ...[...Object.keys(PAPER_CLAIMS), ...figureIds].map((id) => `                ${id}`),
  ].join('\n'),
  options: { out: { type: 'string' }, only: { type: 'string' } },
  async run(args) {
    const values = parseFlags(args, reproduce.options);
    const out = textFlag(values, 'out');
    const only = values.only === undefined ? undefined : textFlag(values, 'only');
    const parts = partsFor(only);
    mkdirSync(out, { recursive: true });
    const folder = mkdtempSync(path.join(tmpdir(), 'moe-reproduce-'));
    const clear = () => rmSync(folder, { recursive: true, force: true });
    // Gigabytes of weights: a run that is stopped must not leave them.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clear();
        process.exit(1);
      });
    }
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const workshop = new Workshop(folder, bundledTracesDir(__dirname), log);
    try {
      const outcomes: Outcome[] = [];
      for (const [index, part] of parts.entries()) {
        log(`part ${index + 1} of ${parts.length}: ${[...part.claims, ...part.figures].join(', ')}`);
        outcomes.push(await part.run(workshop));
        // After every part: what was measured is not lost when the rest is stopped.
        write(out, outcomes, only);
      }
      const { claims } = selected(outcomes, only);
      for (const { title, paper, ours, unit, holds } of claims) {
        process.stdout.write(
          `${title.padEnd(64)} paper ${paper}${unit}  ours ${ours.toFixed(2)}${unit}  ${holds ? 'reached' : 'NOT REACHED'}\n`,
        );
      }
      process.stdout.write(`${path.join(out, 'reproduce.html')}\n`);
    } finally {
      await workshop.close();
      clear();
    }
  },
};

function partsFor(only: string | undefined): readonly Part[] {
  if (only === undefined) return PARTS;
  if (only === HEADLINE) return PARTS.filter(({ claims }) => claims.length > 0);
  const found = PARTS.filter(
    ({ claims, figures }) =>
      claims.some((id) => id === only) || figures.some((id) => only === id || only.startsWith(`${id}.`)),
  );
  if (found.length > 0) return found;
  throw new BadArguments(`--only takes ${HEADLINE}, a claim or a figure, not "${only}"`);
}

function selected(outcomes: readonly Outcome[], only: string | undefined): Outcome {
  const all = only === HEADLINE ? [] : outcomes.flatMap((outcome) => outcome.figures);
  return {
    claims: outcomes.flatMap((outcome) => outcome.claims).filter(({ id }) => wanted(id, only)),
    figures: all.filter(({ id }) => wanted(id, only)),
  };
}

function write(out: string, outcomes: readonly Outcome[], only: string | undefined): void {
  const createdAt = new Date().toISOString();
  const document = { createdAt, machine: describeMachine(), ...selected(outcomes, only), notes: NOTES };
  writeAtomically(path.join(out, 'reproduce.json'), `${JSON.stringify(document, undefined, 2)}\n`);
  writeAtomically(path.join(out, 'reproduce.html'), reproducePage(document));
}

/** A figure is asked for by its id or the beginning of it. */
function wanted(id: string, only: string | undefined): boolean {
  return only === undefined || only === HEADLINE || id === only || id.startsWith(`${only}.`);
}
