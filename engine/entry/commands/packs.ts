import path from 'node:path';
import { emptyPacks, listPacks } from '../../checkpoint/pack/pack_folder.ts';
import type { PackInfo } from '../../protocol/packs.ts';
import { defaultDataDir } from '../folders.ts';
import { type Command, parseFlags, printJson } from './command.ts';

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function line({ name, bytes, complete, inUse, model, precision }: PackInfo): string {
  const what = complete ? `${model} as ${precision}` : 'begun, gone on with when it is wanted again';
  return `${name.padEnd(40)} ${mib(bytes).padStart(12)}  ${what}${inUse ? ', in use' : ''}`;
}

export const packs: Command = {
  name: 'packs',
  summary: 'Expert packs: experts at few bits, converted once and kept',
  help: [
    '  --empty                     removes them, but for those that a run reads',
    '  --json                      machine-readable',
  ].join('\n'),
  options: { empty: { type: 'boolean' }, json: { type: 'boolean' } },
  async run(args) {
    const values = parseFlags(args, packs.options);
    const folder = path.join(defaultDataDir(), 'packs');
    if (values.empty === true) {
      const { removed, kept } = emptyPacks(folder);
      if (values.json) return printJson({ folder, removed, kept });
      process.stdout.write(`removed ${removed.length}, ${mib(sum(removed))}; ${kept.length} in use stay\n`);
      return;
    }
    const found = listPacks(folder);
    if (values.json) return printJson({ folder, packs: found });
    process.stdout.write([folder, ...found.map(line), `${found.length} packs, ${mib(sum(found))}`, ''].join('\n'));
  },
};

const sum = (all: readonly PackInfo[]) => all.reduce((total, { bytes }) => total + bytes, 0);
