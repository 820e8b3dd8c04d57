import type { ChosenDevice } from '../device/discovery.ts';
import type { LinkSpeeds } from './link_speeds.ts';

/**
 * What a copy of an expert costs in rows that the host could compute instead, by device: `auto` of copyAfterRows. Both are measured on
 * this machine, in bytes of weights a second (link_speeds.ts), so that the expert's size drops out; at few bits a row takes longer for its
 * bytes than it was measured with float32, and the price is somewhat high. 0, every missing expert is copied, where a row takes longer than
 * a copy: a rank computes with one thread, and a fast link beats that. 0 also on a CPU device, where nothing is copied over a link and a
 * miss and a computed row begin with the same session; and where a link could not be measured, which the run was told.
 */
export async function copyPriceRows(
  devices: readonly ChosenDevice[],
  links: LinkSpeeds | undefined,
): Promise<number[]> {
  const speeds = devices.map(({ device }) => (device.provider === 'cpu' ? undefined : links?.of(device)));
  if (links === undefined || speeds.every((speed) => speed === undefined)) return devices.map(() => 0);
  const rowSpeed = await links.hostRow();
  return speeds.map((speed) => (speed === undefined ? 0 : Math.floor(rowSpeed / speed)));
}
