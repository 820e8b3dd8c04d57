import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, workerData } from 'node:worker_threads';
import { describeMachine } from '../../engine/coordinator/machine.ts';
import { balance } from './balance.ts';
import { type Bench, type BenchContext, CannotRun, type Figure } from './bench.ts';
import { decode } from './decode.ts';
import { churn, device } from './device.ts';
import { deviceChild } from './device_child.ts';
import { exchange } from './exchange.ts';
import { exchangePeer } from './exchange_blocks.ts';
import { figureLine } from './figure_line.ts';
import { frames } from './frames.ts';
import { gating } from './gating.ts';
import { hybrid } from './hybrid.ts';
import { larger } from './larger.ts';
import { largerChild } from './larger_child.ts';
import { memoryChild } from './memory_child.ts';
import { memoryFollows } from './memory_follows.ts';
import { missLoad } from './miss_load.ts';
import { peer } from './peer.ts';
import { prefill } from './prefill.ts';
import { replay } from './replay.ts';
import { replayTable } from './replay_table.ts';
import { start } from './start.ts';
import { step } from './step.ts';
import { tokenizer } from './tokenizer.ts';

/**
 * `npm run bench`: one line a figure on stdout, progress on stderr. Figures are compared with a baseline taken in the same run, in
 * turns with it: absolute numbers tell little between machines, or between two hours on one of them.
 */
const BENCHES: readonly Bench[] = [
  prefill,
  decode,
  exchange,
  step,
  missLoad,
  memoryFollows,
  gating,
  balance,
  replay,
  replayTable,
  tokenizer,
  start,
  frames,
];

/** Where `--device` names a card. */
const CARD_BENCHES: readonly Bench[] = [device, hybrid, churn];

const HELP = `npm run bench -- [options]

  --only ID     figures of this id, or with an id that begins with it (prefill, step.phases)
  --list        ids and titles, nothing is run
  --json FILE   the figures as JSON, too
  --device ID   what a graphics card (webgpu:0, cuda:0) does, in place of the others
  --peer        this engine beside others that are installed, and how to install what is not (a model of 3 GB is written)
  --larger      a model of 61 GB in sparse files: opens, plans, takes a step (about a minute, 6 GB of memory)
  --profile     with the step bench: where its time outside ONNX Runtime goes, by function
`;

async function main(args: readonly string[]): Promise<number> {
  const values = parse(args);
  if (values === undefined) return 2;
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.list) {
    for (const { title, figures } of [...BENCHES, ...CARD_BENCHES, peer, larger])
      process.stdout.write(`${title}\n${figures.map((id) => `  ${id}\n`).join('')}`);
    return 0;
  }
  const only = values.only ?? '';
  const asked = values.peer ? [peer] : values.larger ? [larger] : values.device ? CARD_BENCHES : BENCHES;
  const chosen = asked.filter(({ figures }) => figures.some((id) => belongs(id, only)));
  if (chosen.length === 0) {
    process.stderr.write(`bench: there is no figure "${only}"; --list shows them all\n`);
    return 2;
  }
  const tempDir = mkdtempSync(path.join(tmpdir(), 'moe-bench-'));
  try {
    return await runAll(
      chosen,
      contextFor(tempDir, values.profile === true || only === 'step.profile', values.device),
      only,
      values.json,
    );
  } finally {
    rmSync(tempDir, { recursive: true, force: true });
  }
}

function parse(args: readonly string[]) {
  try {
    const options = {
      peer: { type: 'boolean' },
      larger: { type: 'boolean' },
      only: { type: 'string' },
      json: { type: 'string' },
      device: { type: 'string' },
      list: { type: 'boolean' },
      profile: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n\n${HELP}`);
    return undefined;
  }
}

function contextFor(tempDir: string, profile: boolean, device: string | undefined): Omit<BenchContext, 'skip'> {
  const root = path.join(__dirname, '../..');
  return {
    root,
    model: path.join(root, 'models/demo-lm'),
    rankEntry: path.join(root, 'out/main/rank.cjs'),
    selfEntry: __filename,
    tempDir,
    profile,
    ...(device !== undefined && { device }),
    log: (line) => process.stderr.write(`  ${line}\n`),
  };
}

/** A bench that fails does not keep the others from running; a goal that is missed is a figure, not a failure. */
async function runAll(
  benches: readonly Bench[],
  base: Omit<BenchContext, 'skip'>,
  only: string,
  jsonFile: string | undefined,
): Promise<number> {
  const figures: Figure[] = [];
  const skipped: { id: string; why: string }[] = [];
  let failed = false;
  const leave = (id: string, how: 'skipped' | 'failed', why: string) => {
    skipped.push({ id, why });
    process.stdout.write(`${id.padEnd(32)}${how}: ${why}\n`);
  };
  const context: BenchContext = { ...base, skip: (id, why) => leave(id, 'skipped', why) };
  for (const bench of benches) {
    process.stderr.write(`${bench.title}\n`);
    try {
      for await (const figure of figuresOf(bench, context)) {
        if (!belongs(figure.id, only)) continue;
        figures.push(figure);
        process.stdout.write(`${figureLine(figure)}\n`);
      }
    } catch (error) {
      const known = error instanceof CannotRun;
      failed ||= !known;
      const why = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
      leave(bench.id, known ? 'skipped' : 'failed', why);
    }
  }
  if (jsonFile !== undefined) {
    const record = { measuredAt: new Date().toISOString(), machine: describeMachine(), figures, skipped };
    writeFileSync(jsonFile, `${JSON.stringify(record, undefined, 2)}\n`);
  }
  return failed ? 1 : 0;
}

async function* figuresOf(bench: Bench, context: BenchContext): AsyncGenerator<Figure> {
  const given = bench.run(context);
  if (given instanceof Promise) yield* await given;
  else yield* given;
}

/** Whole parts of an id: `step` is the beginning of `step.ms`, not of `steps.ms`. */
const belongs = (id: string, only: string): boolean => only === '' || id === only || id.startsWith(`${only}.`);

/** Threads and processes that benches start run this bundle, too. */
async function play(role: string, data: unknown): Promise<number> {
  if (role === 'exchange') exchangePeer(data as Parameters<typeof exchangePeer>[0]);
  else if (role === 'memory') await memoryChild(data as Parameters<typeof memoryChild>[0]);
  else if (role === 'larger') await largerChild(data as Parameters<typeof largerChild>[0]);
  else if (role === 'card') await deviceChild(data as Parameters<typeof deviceChild>[0]);
  else throw new Error(`there is no role "${role}"`);
  return 0;
}

function enter(args: readonly string[]): Promise<number> {
  if (!isMainThread) return play((workerData as { role: string }).role, workerData);
  const [flag, role, data] = args;
  if (flag === '--role' && role !== undefined) return play(role, JSON.parse(data ?? 'null'));
  return main(args);
}

enter(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
