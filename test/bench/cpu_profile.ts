import { readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { contiguous } from '../../engine/balancing/placement.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { moeLayers } from '../../engine/families/spec.ts';
import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import type { RowPlan } from '../../engine/rank/messages.ts';
import { Rank } from '../../engine/rank/rank.ts';
import type { BenchContext, Figure } from './bench.ts';

const PROMPT_TOKENS = 64;
const WARM_STEPS = 64;
const PROFILED_STEPS = 128;
const SAMPLE_US = 100;
const SHOWN = 12;
/** ONNX Runtime's native functions have neither name nor file; `dispatch` is the profiler's own. */
const NOT_OURS = new Set(['(anonymous)', '(idle)', 'dispatch']);

/**
 * Where a decode step's time outside ONNX Runtime goes, by function. A rank in this very thread: the profiler of a worker thread
 * would have to be started inside it, and a rank does the same work here.
 */
export async function* profileDecode(context: BenchContext, batch: number): AsyncGenerator<Figure> {
  const rank = await openRank(context.model);
  try {
    let rows = await prompt(rank, batch);
    for (let step = 0; step < WARM_STEPS; step++) rows = await decodeOnce(rank, rows);
    const profile = await profiled(async () => {
      for (let step = 0; step < PROFILED_STEPS; step++) rows = await decodeOnce(rank, rows);
    });
    for (const { name, ms } of topFunctions(profile, context.root)) {
      yield { id: 'step.profile', value: ms / PROFILED_STEPS, unit: 'ms/step', how: 'measured', detail: name };
    }
  } finally {
    await rank.close();
  }
}

async function openRank(model: string): Promise<Rank> {
  const checkpoint = openCheckpoint(model);
  const spec = readModelSpec(model, checkpoint);
  const setup = { modelPath: model, rank: 0, ranks: 1, device: 'cpu:0', budgetBytes: 2 ** 40, exchange: undefined };
  const rank = await Rank.open(setup, spec, checkpoint);
  const layers = moeLayers(spec);
  const experts = layers[0]?.feedForward.experts ?? 0;
  const placement = contiguous(layers.length, experts, 1);
  await rank.apply({ slotsPerLayer: experts, eviction: 'lifo', gating: DEFAULT_RUN, placement });
  return rank;
}

function prompt(rank: Rank, batch: number): Promise<RowPlan[]> {
  const rows = Array.from({ length: batch }, (_, row): RowPlan => {
    const tokens = Int32Array.from({ length: PROMPT_TOKENS }, (_, at) => 300 + ((row * 977 + at * 131) % 3000));
    return { row, sequence: row, position: 0, tokens, emit: true };
  });
  return decodeOnce(rank, rows);
}

/** Runs the rows and returns the next step's. */
async function decodeOnce(rank: Rank, rows: readonly RowPlan[]): Promise<RowPlan[]> {
  const { sampled } = await rank.step({ step: 0, rows, sampling: DEFAULT_RUN, allLogits: false, profile: false });
  return rows.map((row, index) => ({
    ...row,
    position: row.position + row.tokens.length,
    tokens: Int32Array.of(sampled[index] as number),
  }));
}

async function profiled(work: () => Promise<void>): Promise<Profiler.Profile> {
  const session = new Session();
  session.connect();
  try {
    const ask = <T>(method: string, params: object = {}) =>
      new Promise<T>((resolve, reject) => {
        session.post(method, params, (error, result) => (error === null ? resolve(result as T) : reject(error)));
      });
    await ask('Profiler.enable');
    await ask('Profiler.setSamplingInterval', { interval: SAMPLE_US });
    await ask('Profiler.start');
    await work();
    return (await ask<Profiler.StopReturnType>('Profiler.stop')).profile;
  } finally {
    session.disconnect();
  }
}

/** Self time by function, largest first, without what ONNX Runtime and its binding take. */
function topFunctions({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, root: string) {
  const nameOf = new Map(nodes.map((node) => [node.id, placeOf(node.callFrame, root)]));
  const selfMs = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = nameOf.get(id) ?? '';
    selfMs.set(name, (selfMs.get(name) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  }
  return [...selfMs]
    .filter(([name]) => !/onnxruntime/.test(name) && !NOT_OURS.has(name))
    .map(([name, ms]) => ({ name, ms }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SHOWN);
}

const maps = new Map<string, SourceMap | undefined>();

/** A function's name and its place in the sources, through the bundle's map. */
function placeOf(
  { functionName, url, lineNumber, columnNumber }: Profiler.ProfileNode['callFrame'],
  root: string,
): string {
  const name = functionName || '(anonymous)';
  if (!url.startsWith('file:')) return url === '' ? name : `${name} ${url}`;
  const file = fileURLToPath(url);
  const entry = mapOf(file)?.findEntry(lineNumber, columnNumber);
  if (entry === undefined || !('originalSource' in entry))
    return `${name} ${path.relative(root, file)}:${lineNumber + 1}`;
  const source = path.relative(root, path.resolve(path.dirname(file), entry.originalSource.replace(/^file:\/\//, '')));
  return `${name} ${source}:${entry.originalLine + 1}`;
}

function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) {
    try {
      maps.set(file, new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8'))));
    } catch {
      // Packages come without a map.
      maps.set(file, undefined);
    }
  }
  return maps.get(file);
}
