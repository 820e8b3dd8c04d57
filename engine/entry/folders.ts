import { homedir } from 'node:os';
import path from 'node:path';

const NAME = 'moe-studio';

/**
 * Where run files are kept: one folder for desktop, browser and command line, so that each finds the others' runs.
 * `MOE_STUDIO_DATA` names another one.
 */
export function defaultDataDir(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  const home = homedir();
  if (environment.MOE_STUDIO_DATA) return path.resolve(environment.MOE_STUDIO_DATA);
  switch (platform) {
    case 'win32':
      return path.join(environment.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'), NAME);
    case 'darwin':
      return path.join(home, 'Library', 'Application Support', NAME);
    default:
      return path.join(environment.XDG_DATA_HOME || path.join(home, '.local', 'share'), NAME);
  }
}

/** @param bundleDir `__dirname` of a bundle in out/main */
export const bundledModelsDir = (bundleDir: string) => path.join(bundleDir, '../../models');

/** Real routing traces that come with the studio. */
export const bundledTracesDir = (bundleDir: string) => path.join(bundledModelsDir(bundleDir), 'traces');
