import { expect, it } from 'vitest';
import { engineEnvironment } from '../../src-main/engine_environment.ts';

it('keeps what the engine needs and leaves out what steers Node, Electron or the shell', () => {
  const inherited = engineEnvironment({
    PATH: '/bin',
    LC_ALL: 'C',
    VK_ICD_FILENAMES: '/icd.json',
    NODE_OPTIONS: '--inspect',
    ELECTRON_RUN_AS_NODE: '1',
    LD_PRELOAD: '/lib/x.so',
    GITHUB_TOKEN: 'secret',
    HOME: undefined,
  });
  expect(inherited).toEqual({
    MALLOC_MMAP_THRESHOLD_: '262144',
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
    PATH: '/bin',
    LC_ALL: 'C',
    VK_ICD_FILENAMES: '/icd.json',
  });
});
