import type { ChosenDevice } from '../device/discovery.ts';
import type { LinkSpeeds } from './link_speeds.ts';

/**
 * What a copy of an expert costs in rows that the host could compute instead, by device: `auto` of copyAfterRows. Both are measured on
 * this machine (link_speeds.ts). 0, every missing expert is copied, where a row takes longer than a copy; on a CPU device, where nothing
 * is copied over a link and a miss and a computed row begin with the same session; and where a link could not be measured, which the
 * run was told.
 * @param expertBytes of one expert
 */
export async function copyPriceRows(
  devices: readonly ChosenDevice[],
  links: LinkSpeeds | undefined,
  expertBytes: number,
): Promise<number[]> {
  const speeds = devices.map(({ device }) => (device.provider === 'cpu' ? undefined : links?.of(device)));
  if (links === undefined || speeds.every((speed) => speed === undefined)) return devices.map(() => 0);
  const rowMs = (1000 * expertBytes) / (await links.hostRow());
  return speeds.map((speed) => (speed === undefined ? 0 : Math.floor((1000 * expertBytes) / speed / rowMs)));
}
