import path from 'node:path';
import { expect, it } from 'vitest';
import { bundledModelsDir, defaultDataDir } from '../../engine/entry/folders.ts';

it('keeps run files where the system keeps data, or where the person says', () => {
  expect(defaultDataDir({ XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/moe-studio');
  expect(defaultDataDir({}, 'linux')).toMatch(/\.local\/share\/moe-studio$/);
  expect(defaultDataDir({}, 'darwin')).toMatch(/Library\/Application Support\/moe-studio$/);
  expect(defaultDataDir({ MOE_STUDIO_DATA: 'here' }, 'linux')).toBe(path.resolve('here'));
});

it('finds the bundled models from the bundle', () => {
  expect(bundledModelsDir('/app/out/main')).toBe(path.normalize('/app/models'));
});
