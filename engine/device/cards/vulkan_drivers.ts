import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Card } from './card.ts';

/** A Vulkan driver that is installed: whose cards it drives, or the name of the card it plays. */
export type VulkanDriver = { readonly vendor: Card['vendor'] } | { readonly software: string };

/** By the file name of its library. */
const DRIVERS: readonly (readonly [RegExp, VulkanDriver])[] = [
  [/swiftshader/i, { software: 'SwiftShader' }],
  [/vulkan_lvp/i, { software: 'llvmpipe' }],
  [/nvidia|nouveau/i, { vendor: 'nvidia' }],
  [/radeon|amdvlk/i, { vendor: 'amd' }],
  [/intel/i, { vendor: 'intel' }],
];

const Manifest = z.object({ ICD: z.object({ library_path: z.string() }) });

/** What a driver manifest (the Vulkan loader's "ICD manifest file format") stands for; undefined for one not known here. */
export function parseVulkanManifest(json: string): VulkanDriver | undefined {
  const parsed = Manifest.safeParse(JSON.parse(json));
  const library = parsed.success ? path.basename(parsed.data.ICD.library_path) : '';
  return DRIVERS.find(([pattern]) => pattern.test(library))?.[1];
}

/**
 * Drivers that the Vulkan loader would open on Linux, by the loader's own rules ("Driver discovery on Linux"): files named in the
 * environment replace those of the folders.
 */
export function readVulkanDrivers(env: NodeJS.ProcessEnv = process.env): VulkanDriver[] {
  const named = env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES;
  const files = named === undefined ? manifestFolders(env).flatMap(manifestsIn) : named.split(':').flatMap(manifestsIn);
  return files.flatMap((file) => {
    try {
      return parseVulkanManifest(readFileSync(file, 'utf8')) ?? [];
    } catch {
      // The loader skips what it cannot read, and so does this.
      return [];
    }
  });
}

function manifestFolders({ XDG_CONFIG_HOME, XDG_DATA_HOME }: NodeJS.ProcessEnv): string[] {
  const home = homedir();
  return [
    XDG_CONFIG_HOME ?? path.join(home, '.config'),
    '/etc/xdg',
    '/etc',
    XDG_DATA_HOME ?? path.join(home, '.local/share'),
    '/usr/local/share',
    '/usr/share',
  ].map((folder) => path.join(folder, 'vulkan/icd.d'));
}

/** A file is itself; a folder, its manifests. */
function manifestsIn(place: string): string[] {
  if (place.endsWith('.json')) return [place];
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .filter((name) => name.endsWith('.json'))
    .map((name) => path.join(place, name));
}
