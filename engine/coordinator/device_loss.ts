import { EngineRefusal } from '../api.ts';
import { DeviceLost } from '../device/device_lost.ts';
import type { LiveDevices } from './live_devices.ts';
import type { RankPool } from './rank_pool.ts';
import type { RunParts } from './run.ts';
import type { Scheduler } from './scheduler.ts';
import type { SettingsInForce } from './settings_in_force.ts';

interface Hit {
  readonly devices: LiveDevices;
  readonly pool: RankPool;
  readonly openRanks: RunParts['openRanks'];
  readonly scheduler: Scheduler;
  readonly inForce: SettingsInForce;
  /** The step that was broken off, or would have been next. */
  readonly step: number;
}

/**
 * Opens a run's ranks anew on the devices that are left. A step that a lost device broke off happened nowhere: ranks that were in it
 * stand between two states, their ledgers and caches too, so all are closed, and sequences under way are read again from their tokens.
 * (Repairing ranks in place was rejected: a rank would have to undo any part of a step.)
 * @param also what else took effect at this step boundary
 * @returns the new ranks, and what happened, as it is recorded
 * @throws EngineRefusal where no device is left, or those that are left do not hold the run
 */
export async function reopenWithout(
  lost: DeviceLost,
  { devices, pool, openRanks, scheduler, inForce, step }: Hit,
  also: string | undefined,
): Promise<{ pool: RankPool; label: string }> {
  const says = also === undefined ? [] : [also];
  let begun = 0;
  let open = pool;
  for (let gone = lost; ; ) {
    devices.lose(gone);
    says.push(gone.message);
    await open.close();
    if (devices.inUse.length === 0) {
      throw new EngineRefusal(
        `${gone.message}; no other device is left, so the run ends here, and the ${step} steps before are recorded.`,
      );
    }
    try {
      open = await openRanks(devices.inUse);
      begun = Math.max(begun, scheduler.restart(devices.inUse.length));
      const again =
        begun === 0 ? [] : [`${begun} ${begun === 1 ? 'sequence' : 'sequences'} read again from their tokens`];
      return { pool: open, label: await inForce.restart(open, [...says, ...again].join(', '), step) };
    } catch (error) {
      // Another one may go while ranks are opened.
      if (!(error instanceof DeviceLost)) {
        await open.close();
        throw error;
      }
      gone = error;
    }
  }
}
