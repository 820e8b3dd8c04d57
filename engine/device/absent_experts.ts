import { freemem } from 'node:os';
import { moeLayers } from '../families/spec.ts';
import { MemoryLedger } from '../rank/ledger.ts';
import { CpuExperts, type CpuExpertsParts, openPack } from './cpu/experts.ts';
import { cpuSessions } from './cpu/session.ts';
import type { DeviceParts } from './open_device.ts';
import { onCpu } from './precision.ts';

/** Share of free host memory, when a card is opened, that sessions beside it may take. */
const KEPT_SHARE = 0.25;

interface Kept {
  readonly layer: number;
  readonly expert: number;
  readonly bytes: number;
}

/**
 * Experts that a device does not hold, run by this machine's processor where their weights lie: what is computed instead of copied
 * (buffering/copy_or_compute.ts). An expert is a CPU session, made when it is first computed. It is kept while its sessions fit into
 * `keepBytes`, least recently computed released first, and until the device holds it.
 *
 * For a card that is memory of the host, beside the card's budget. A CPU device's budget is the host's memory, so nothing is kept
 * there: a session ends with its rows, and its bytes are in the device's ledger meanwhile.
 */
export class AbsentExperts {
  /** By least recent use. */
  private readonly kept = new Map<string, Kept>();
  private keptBytes = 0;

  private constructor(
    private readonly experts: CpuExperts,
    private readonly keepBytes: number,
  ) {}

  /** For a CPU device. */
  static onProcessor(parts: DeviceParts): AbsentExperts {
    return new AbsentExperts(open(parts, { ledger: parts.ledger, category: 'expertExecution' }), 0);
  }

  /** For a device with memory of its own. @param keepBytes of sessions at most */
  static besideCard(parts: DeviceParts, keepBytes = Math.floor(freemem() * KEPT_SHARE)): AbsentExperts {
    // Bounded by what is kept, and one that is too large for it while its rows are computed.
    const ledger = new MemoryLedger('host memory', Number.POSITIVE_INFINITY);
    return new AbsentExperts(open(parts, { ledger }), keepBytes);
  }

  /** Held in sessions that are kept. */
  get bytes(): number {
    return this.keptBytes;
  }

  /** @param rows [count, hidden]; returns the expert's output [count, hidden] in memory of its own */
  async run(layer: number, expert: number, rows: Float32Array, count: number): Promise<Float32Array> {
    const key = `${layer} ${expert}`;
    const there = this.kept.get(key);
    if (there !== undefined) {
      this.kept.delete(key);
      this.kept.set(key, there);
      return this.experts.run(layer, expert, rows, count);
    }
    const bytes = this.experts.bytesPerExpert(layer);
    const isKept = bytes <= this.keepBytes;
    if (isKept) await this.makeRoom(bytes);
    await this.experts.load(layer, expert);
    if (isKept) {
      this.kept.set(key, { layer, expert, bytes });
      this.keptBytes += bytes;
      return this.experts.run(layer, expert, rows, count);
    }
    const output = await this.experts.run(layer, expert, rows, count);
    await this.experts.evict(layer, expert);
    return output;
  }

  /** The device holds it now. */
  async release(layer: number, expert: number): Promise<void> {
    const key = `${layer} ${expert}`;
    if (this.kept.has(key)) await this.drop(key);
  }

  async close(): Promise<void> {
    for (const key of [...this.kept.keys()]) await this.drop(key);
  }

  private async makeRoom(bytes: number): Promise<void> {
    for (const key of this.kept.keys()) {
      if (this.keptBytes + bytes <= this.keepBytes) return;
      await this.drop(key);
    }
  }

  private async drop(key: string): Promise<void> {
    const { layer, expert, bytes } = this.kept.get(key) as Kept;
    this.kept.delete(key);
    this.keptBytes -= bytes;
    await this.experts.evict(layer, expert);
  }
}

function open(
  { spec, source, meter, precision, packFolder }: DeviceParts,
  held: Pick<CpuExpertsParts, 'ledger' | 'category'>,
): CpuExperts {
  const shape = { layers: moeLayers(spec), hidden: spec.hiddenSize, precision: onCpu(precision).experts };
  return new CpuExperts({ ...shape, ...held, source, pack: openPack(packFolder, shape), make: cpuSessions(meter) });
}
