import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { type Bench, type BenchContext, CannotRun, type Figure } from './bench.ts';
import type { MemoryPoint } from './memory_child.ts';
import { writeSyntheticOlmoe } from './synthetic_olmoe.ts';

const SHAPE = { hidden: 512, width: 768, layers: 4, experts: 32, topK: 4 };
const EXPERT_MB = (3 * SHAPE.hidden * SHAPE.width * 4) / 1e6;
/** What the product sets for every process that runs the engine. */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: '262144', GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
const MB = 1e6;

export const memoryFollows: Bench = {
  id: 'memory',
  title: "The process's memory when the cache goes from all slots to 2 and back",
  figures: [
    'memory.follows.shrink',
    'memory.follows.grow',
    'memory.rss_all',
    'memory.rss_2',
    'memory.rss_all_again',
    'memory.follows.default_malloc',
  ],
  async *run(context): AsyncGenerator<Figure> {
    if (process.platform !== 'linux') throw new CannotRun('resident memory is read from /proc');
    const folder = path.join(context.tempDir, 'large-experts');
    context.log(
      `memory: writing a model with ${SHAPE.layers} x ${SHAPE.experts} experts of ${EXPERT_MB.toFixed(1)} MB`,
    );
    writeSyntheticOlmoe(folder, SHAPE, context.model);
    const product = await runChild(context, folder, ALLOCATOR);
    const plain = await runChild(context, folder, {});
    const [all, two, again] = product;
    for (const [name, point] of [
      ['all', all],
      ['2', two],
      ['all_again', again],
    ] as const) {
      yield {
        id: `memory.rss_${name}`,
        value: point.rssBytes / MB,
        unit: 'MB',
        how: 'measured',
        detail: `VmRSS with ${point.slots} slots per layer; the ledger's experts line is ${(point.expertBytes / MB).toFixed(0)} MB`,
      };
    }
    yield change('memory.follows.shrink', all, two, 0.9);
    yield change('memory.follows.grow', two, again, 0.9);
    const [plainAll, plainTwo] = plain;
    const { detail, ...figure } = change('memory.follows.default_malloc', plainAll, plainTwo);
    const ratio = follows(plainAll, plainTwo) / follows(all, two);
    yield {
      ...figure,
      detail: `shrink without the allocator's setting: ${detail}`,
      versus: { baseline: 'memory.follows.shrink', ratio },
    };
  },
};

/** Change of resident memory / change of the ledger's experts line. */
const follows = (a: MemoryPoint, b: MemoryPoint) => (b.rssBytes - a.rssBytes) / (b.expertBytes - a.expertBytes);

function change(id: string, a: MemoryPoint, b: MemoryPoint, goal?: number): Figure {
  const value = follows(a, b);
  const mb = (from: number, to: number) => `${((to - from) / MB).toFixed(0)} MB`;
  return {
    id,
    value,
    unit: 'RSS/ledger',
    how: 'measured',
    detail: `process ${mb(a.rssBytes, b.rssBytes)}, ledger ${mb(a.expertBytes, b.expertBytes)}, experts of ${EXPERT_MB.toFixed(1)} MB`,
    ...(goal !== undefined && {
      versus: { goal: `${goal} to ${(2 - goal).toFixed(1)}`, met: value >= goal && value <= 2 - goal },
    }),
  };
}

/** A process of its own: this one's memory remembers every bench before. */
async function runChild(
  context: BenchContext,
  folder: string,
  env: object,
): Promise<[MemoryPoint, MemoryPoint, MemoryPoint]> {
  const { MALLOC_MMAP_THRESHOLD_: _, GLIBC_TUNABLES: __, ...inherited } = process.env;
  const args = [
    context.selfEntry,
    '--role',
    'memory',
    JSON.stringify({ folder, rankEntry: context.rankEntry, tempDir: context.tempDir }),
  ];
  const child = spawn(process.execPath, args, {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 180_000,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the measured process ended with ${code}`);
  const points = JSON.parse(output) as [MemoryPoint, MemoryPoint, MemoryPoint];
  context.log(
    `memory: ${points.map(({ slots, rssBytes }) => `${slots}: ${(rssBytes / MB).toFixed(0)} MB`).join(', ')}`,
  );
  return points;
}
