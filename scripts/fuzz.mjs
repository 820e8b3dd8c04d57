import { bin, ROOT } from './lib/paths.mjs';
import { attach } from './lib/proc.mjs';
import { setup } from './lib/setup.mjs';

/** `npm run fuzz -- [CASES]`: the readers of files from the internet against that many made-up ones; `npm test` takes 2,000. */
const cases = Number(process.argv[2] ?? 100_000);
if (!Number.isInteger(cases) || cases < 1) {
  console.log(`fuzz: "${process.argv[2]}" is no number of cases; name a whole one.`);
  process.exitCode = 2;
} else if (await setup()) {
  const hours = 8;
  const args = ['run', 'test/checkpoint/fuzz_', `--testTimeout=${hours * 3_600_000}`];
  const env = { ...process.env, FUZZ_CASES: String(cases) };
  process.exitCode = await attach(process.execPath, [bin('vitest/vitest.mjs'), ...args], {
    cwd: ROOT,
    env,
    timeoutMs: hours * 3_600_000,
  });
} else process.exitCode = 1;
