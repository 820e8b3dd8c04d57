import { join } from 'node:path';
import { OUT } from './paths.mjs';
import { attach, engineEnvironment } from './proc.mjs';
import { setup } from './setup.mjs';

/** Sets up and runs one of the built engine entries with this command's own arguments; its exit code becomes ours. */
export async function runBundle(name, args = process.argv.slice(2)) {
  process.exitCode = (await setup())
    ? await attach(process.execPath, [join(OUT, `main/${name}.cjs`), ...args], { env: engineEnvironment() })
    : 1;
}
