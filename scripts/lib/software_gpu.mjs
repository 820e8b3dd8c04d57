import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

const DRIVER = 'vk_swiftshader_icd.json';

/**
 * Chromium and Electron bring a graphics card made of software along, SwiftShader: the engine's path for graphics cards runs on it as on
 * a real one, slowly. Tests use nothing else, so that they mean the same on every machine.
 * @param {(string | undefined)[]} programs that may bring it
 * @returns {{VK_ICD_FILENAMES: string, VK_DRIVER_FILES: string} | undefined} the environment in which Vulkan finds it and no other card
 */
export function softwareGpu(programs) {
  const folders = programs.filter(Boolean).map((path) => dirname(realpathSync(path)));
  // Debian's own chromium is a script in /usr/bin.
  const driver = [...folders, '/usr/lib/chromium']
    .map((folder) => join(folder, DRIVER))
    .find((path) => existsSync(path));
  return driver && { VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver };
}
