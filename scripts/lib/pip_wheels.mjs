import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from './proc.mjs';

/** Wheels of the Linux systems that prebuilt libraries are made for, by whatever Python asks. */
const LINUX_X64 = ['2_17', '2_27', '2_28'].flatMap((glibc) => ['--platform', `manylinux_${glibc}_x86_64`]);

/**
 * Downloads wheels from the Python index into a folder, each known by its hash.
 * @param {string} folder
 * @param {{wheel: string, sha256: string}[]} wheels `name==version`
 * @param {{python?: string, timeoutMs: number}} options `python`: the version that they are made for, where that matters
 * @returns {Promise<string>} the Python that has pip
 */
export async function pipWheels(folder, wheels, { python: version, timeoutMs }) {
  const requirements = join(folder, 'requirements.txt');
  writeFileSync(requirements, wheels.map(({ wheel, sha256 }) => `${wheel} --hash=sha256:${sha256}\n`).join(''));
  const args = ['-m', 'pip', 'download', '--no-deps', '--require-hashes', '--only-binary=:all:'];
  if (version !== undefined) args.push('--python-version', version, '--implementation', 'cp', ...LINUX_X64);
  args.push('--dest', folder, '-r', requirements);
  let reason;
  for (const python of ['python3', 'python']) {
    const { code, output } = await capture(python, args, { timeoutMs });
    if (code === 0) return python;
    reason ??= output.trim().split('\n').at(-1);
  }
  throw new Error(`pip download ${wheels.map(({ wheel }) => wheel).join(' ')}: ${reason}`);
}
