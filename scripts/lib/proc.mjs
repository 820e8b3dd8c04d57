import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

/** Shown where a program could not be started at all, as shells do. */
const NOT_FOUND = 127;

/** A program that was ended by a signal counts as 128 + its number, as shells do. */
const codeOf = (code, signal) => code ?? 128 + (constants.signals[signal] ?? 0);

/** As `spawn`, with a time limit. Its own `timeout` keeps this process waiting where the program could not be started. */
function launch(command, args, { timeoutMs, ...options }) {
  const child = spawn(command, args, options);
  if (timeoutMs !== undefined) {
    const timer = setTimeout(() => child.kill(), timeoutMs);
    for (const end of ['exit', 'error']) child.once(end, () => clearTimeout(timer));
  }
  return child;
}

/**
 * Runs a program to its end and collects what it wrote. Never rejects.
 * @param {{cwd?: string, env?: object, timeoutMs?: number}} options
 * @returns {Promise<{code: number, output: string}>} stdout and stderr together
 */
export async function capture(command, args, { cwd, env, timeoutMs } = {}) {
  const child = launch(command, args, { cwd, env, timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  try {
    const [code, signal] = await once(child, 'close');
    if (signal !== null && timeoutMs !== undefined) output += `\n${command} was stopped after ${timeoutMs / 1000} s`;
    return { code: codeOf(code, signal), output };
  } catch (error) {
    return { code: NOT_FOUND, output: `${output}${error.message}` };
  }
}

/**
 * Runs a program on this terminal until it ends. Ctrl+C reaches it from the terminal itself; a SIGTERM sent to us is passed on.
 * We stay until it has ended, so that its clean-up is not cut off and its exit code is ours.
 * @returns {Promise<number>} exit code
 */
export async function attach(command, args, { cwd, env, timeoutMs, stdio = 'inherit' } = {}) {
  const child = launch(command, args, { cwd, env, timeoutMs, stdio });
  const wait = () => {};
  const pass = () => child.kill('SIGTERM');
  process.on('SIGINT', wait).on('SIGTERM', pass).on('SIGHUP', pass);
  try {
    return codeOf(...(await once(child, 'exit')));
  } catch (error) {
    console.error(`${command}: ${error.message}`);
    return NOT_FOUND;
  } finally {
    process.off('SIGINT', wait).off('SIGTERM', pass).off('SIGHUP', pass);
  }
}

/**
 * Environment of a process that runs the engine: freed expert weights go back to the system instead of to malloc's heap, and large
 * blocks lie in large pages (with glibc from 2.35 on; elsewhere nothing reads it), which makes an expert a fifth to a quarter faster.
 */
export const engineEnvironment = (extra = {}) => ({
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  ...process.env,
  MALLOC_MMAP_THRESHOLD_: '262144',
  ...extra,
});
