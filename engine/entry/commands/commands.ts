import type { Command } from './command.ts';
import { copies } from './copies.ts';
import { devices } from './devices.ts';
import { experts } from './experts.ts';
import { gating } from './gating.ts';
import { inspect } from './inspect.ts';
import { logits } from './logits.ts';
import { packs } from './packs.ts';
import { perplexity } from './perplexity.ts';
import { placement } from './placement.ts';
import { precision } from './precision.ts';
import { replay } from './replay.ts';
import { reproduce } from './reproduce.ts';
import { run } from './run.ts';

/** Every command of the headless engine, in the order of its help. */
export const COMMANDS: readonly Command[] = [
  run,
  logits,
  replay,
  copies,
  experts,
  placement,
  gating,
  perplexity,
  reproduce,
  inspect,
  precision,
  packs,
  devices,
];
