import { type Context, createContext, Script } from 'node:vm';

let context: Context | undefined;
let call: Script | undefined;

/**
 * Runs what strangers' patterns are part of, and gives up after a while. Node's contexts are the only way to stop a regular expression
 * on its own thread; they are no walls, and nothing of a stranger's is run as code.
 * @throws Error where it takes longer, and whatever `work` throws
 */
export function runInTime<T>(work: () => T, ms: number): T {
  context ??= createContext({});
  call ??= new Script('work()');
  context.work = work;
  try {
    return call.runInContext(context, { timeout: Math.ceil(ms) }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new Error(`it takes more than ${Math.round(ms / 1000)} seconds`);
  } finally {
    context.work = undefined;
  }
}
