import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { afterAll, beforeAll } from 'vitest';

/**
 * A run of three CPU devices needs a machine of three cores; the one that runs the tests may have two. A device is a thread: it only
 * has to wait longer. Builtins are exchanged in place: a mocked module would have to be imported anew, and all that imports it.
 */
export function onThreeProcessors(): void {
  const { cpus } = os;
  const exchange = (read: typeof cpus) => {
    os.cpus = read;
    syncBuiltinESMExports();
  };
  beforeAll(() => exchange(() => Array.from({ length: 3 }, () => cpus()[0] as os.CpuInfo)));
  afterAll(() => exchange(cpus));
}
