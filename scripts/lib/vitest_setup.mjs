import { ensureBuilt } from './build.mjs';

export const setup = ensureBuilt;
