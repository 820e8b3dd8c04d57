import { setup } from './lib/setup.mjs';

if (!(await setup())) process.exitCode = 1;
