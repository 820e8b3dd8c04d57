import fs from 'node:fs';
import path from 'node:path';
import { EngineRefusal } from '../../api.ts';
import { isAlive } from './pack_folder.ts';

/** Work on a pack touches its lock far more often: an older one is a killed process's, whose number another may have by now. */
const STALE_MS = 60_000;
const TOUCH_MS = 1000;

/** One process makes a pack at a time; a lock that nobody is behind any more is taken over. */
export class PackLock {
  private static readonly own = new Set<string>();
  private readonly file: string;
  private touchedMs = performance.now();

  /** @throws EngineRefusal while another holds it */
  constructor(private readonly folder: string) {
    this.file = path.join(folder, 'lock');
    if (PackLock.own.has(folder) || this.isHeldElsewhere()) {
      throw new EngineRefusal(
        `${path.basename(folder)}: this expert pack is being made already; wait until it is done, or stop that.`,
      );
    }
    fs.writeFileSync(this.file, String(process.pid));
    PackLock.own.add(folder);
  }

  touch(): void {
    if (performance.now() - this.touchedMs < TOUCH_MS) return;
    this.touchedMs = performance.now();
    const now = new Date();
    fs.utimesSync(this.file, now, now);
  }

  release(): void {
    PackLock.own.delete(this.folder);
    fs.rmSync(this.file, { force: true });
  }

  private isHeldElsewhere(): boolean {
    if (!fs.existsSync(this.file)) return false;
    const owner = Number(fs.readFileSync(this.file, 'utf8'));
    if (owner === process.pid || !isAlive(owner)) return false;
    return Date.now() - fs.statSync(this.file).mtimeMs < STALE_MS;
  }
}
