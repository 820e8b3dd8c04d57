import type { Placement } from '../balancing/placement.ts';
import type { DeviceLost } from '../device/device_lost.ts';
import type { ChosenDevice } from '../device/discovery.ts';

/**
 * The devices of a run that still take part, and those that were lost. Ranks are numbered anew after a loss, devices are not: whatever is
 * recorded and shown keeps a column for each device that the run began with, and a lost one's is zero from then on.
 */
export class LiveDevices {
  /** Device of each rank. */
  ranks: readonly number[];
  /** Ids, in the order in which they were lost. */
  readonly lost: string[] = [];
  private spreadFrom: Placement | undefined;
  private spreadTo: Placement | undefined;

  constructor(readonly all: readonly ChosenDevice[]) {
    this.ranks = all.map((_, device) => device);
  }

  /** By rank. */
  get inUse(): readonly ChosenDevice[] {
    return this.ranks.map((device) => this.all[device] as ChosenDevice);
  }

  lose({ device: id }: DeviceLost): void {
    this.ranks = this.ranks.filter((device) => this.all[device]?.id !== id);
    this.lost.push(id);
    this.spreadFrom = undefined;
  }

  /** A placement over ranks as one over devices: the same object for the same one, since replays begin anew with another. */
  spread(overRanks: Placement): Placement {
    if (this.lost.length === 0) return overRanks;
    if (overRanks !== this.spreadFrom || this.spreadTo === undefined) {
      this.spreadFrom = overRanks;
      this.spreadTo = {
        ...overRanks,
        devices: this.all.length,
        // Ranks stand in the order of their devices, so an expert's copies stay ascending.
        layers: overRanks.layers.map(({ firstCopy, deviceOf }) => ({
          firstCopy,
          deviceOf: deviceOf.map((rank) => this.ranks[rank] as number),
        })),
      };
    }
    return this.spreadTo;
  }
}
