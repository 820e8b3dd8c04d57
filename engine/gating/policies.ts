import type { GatingName } from '../protocol/settings.ts';
import { dynamic } from './dynamic.ts';
import { fastmoe } from './fastmoe.ts';
import { megablocks, megablocksGrouped } from './megablocks.ts';
import type { GatingPolicy } from './policy.ts';
import { staticGating } from './static.ts';
import { tutel } from './tutel.ts';

export const GATING_POLICIES: Readonly<Record<GatingName, GatingPolicy>> = {
  dynamic,
  static: staticGating,
  tutel,
  fastmoe,
  megablocks,
  'megablocks-grouped': megablocksGrouped,
};
