import path from 'node:path';
import type { LabSource } from '../../protocol/labs.ts';
import { BadArguments, textFlag } from './command.ts';

/** Which run or trace a lab is asked about: `--run` or `--trace`, one of them. */
export function sourceFlag(values: Record<string, string | boolean | undefined>): LabSource {
  if ((values.run === undefined) === (values.trace === undefined)) {
    throw new BadArguments('either --run or --trace is needed, one of them; name a file with it');
  }
  const kind = values.run === undefined ? 'trace' : 'run';
  return { kind, path: path.resolve(textFlag(values, kind)) };
}

export const SOURCE_HELP = [
  '  --run run.json        recorded run, or',
  '  --trace FILE          routing trace, moe-trace 1 .jsonl or .jsonl.gz (on one device)',
];
