import { isHeld, type LayerPlacement, type Placement } from '../balancing/placement.ts';
import { RowSplit } from '../balancing/split.ts';
import type { ActiveSet } from '../gating/policy.ts';
import { ActiveScan, type RoutingTrace } from '../trace/trace.ts';

/**
 * Which experts each device runs in a layer of a step: those whose copy there gets a row, or under gating that pads every batch
 * all that it holds. Where experts have several copies the rows are divided as the ranks divide them; that depends on nothing but
 * the step's counts, so replay comes to the same.
 */
export class DeviceActive {
  /** Active experts by device, ascending; the first `counts[device]` of each are valid [devices][experts]. */
  readonly ids: readonly Int32Array[];
  /** Rows of each, in the same places; 0 under gating that pads every batch, where only ranks know them [devices][experts]. */
  readonly rows: readonly Int32Array[];
  readonly counts: Int32Array;
  private readonly scanner: ActiveScan;
  /** Of layers in which an expert has more than one copy. */
  private readonly splits: readonly (RowSplit | undefined)[];
  /** Rows by expert; zeros between two scans. */
  private readonly totals: Int32Array;

  constructor(
    private readonly placement: Placement,
    private readonly experts: number,
    private readonly activeSet: ActiveSet = 'routed',
  ) {
    const { devices, layers, split } = placement;
    this.ids = Array.from({ length: devices }, () => new Int32Array(experts));
    this.rows = Array.from({ length: devices }, () => new Int32Array(experts));
    this.counts = new Int32Array(devices);
    this.scanner = new ActiveScan(experts);
    this.splits = layers.map((layer) =>
      layer.deviceOf.length === experts ? undefined : new RowSplit(layer, devices, split),
    );
    this.totals = new Int32Array(experts);
  }

  /** Fills `ids` and `counts`; returns the sum of the counts. */
  scan(trace: RoutingTrace, step: number, layer: number): number {
    const { scanner, counts } = this;
    const active = scanner.scan(trace, step, layer);
    if (this.activeSet === 'all' && active > 0) return this.takeHeld(layer);
    const split = this.splits[layer];
    counts.fill(0);
    if (split !== undefined) return this.scanCopies(split, layer, active);
    const { deviceOf } = this.placement.layers[layer] as LayerPlacement;
    for (let at = 0; at < active; at++) {
      const expert = scanner.ids[at] as number;
      this.add(deviceOf[expert] as number, expert, scanner.rows[expert] as number);
    }
    return active;
  }

  private takeHeld(index: number): number {
    const layer = this.placement.layers[index] as LayerPlacement;
    this.counts.fill(0);
    let sum = 0;
    for (let expert = 0; expert < this.experts; expert++) {
      for (let device = 0; device < this.placement.devices; device++) {
        if (!isHeld(layer, expert, device)) continue;
        this.add(device, expert, 0);
        sum++;
      }
    }
    return sum;
  }

  private scanCopies(split: RowSplit, layer: number, active: number): number {
    const { scanner, totals } = this;
    const { firstCopy, deviceOf } = this.placement.layers[layer] as LayerPlacement;
    for (let at = 0; at < active; at++) {
      const expert = scanner.ids[at] as number;
      totals[expert] = scanner.rows[expert] as number;
    }
    split.divide(totals);
    let sum = 0;
    for (let at = 0; at < active; at++) {
      const expert = scanner.ids[at] as number;
      totals[expert] = 0;
      let last = -1;
      for (let copy = firstCopy[expert] as number; copy < (firstCopy[expert + 1] as number); copy++) {
        const device = deviceOf[copy] as number;
        const rows = split.rows[copy] as number;
        if (rows === 0) continue;
        if (device === last) this.addRows(device, rows);
        else {
          this.add(device, expert, rows);
          sum++;
        }
        last = device;
      }
    }
    return sum;
  }

  private add(device: number, expert: number, rows: number): void {
    const at = this.counts[device] as number;
    (this.ids[device] as Int32Array)[at] = expert;
    (this.rows[device] as Int32Array)[at] = rows;
    this.counts[device] = at + 1;
  }

  /** More rows for the expert that was added last: its second copy on the device. */
  private addRows(device: number, rows: number): void {
    const own = this.rows[device] as Int32Array;
    const at = (this.counts[device] as number) - 1;
    own[at] = (own[at] as number) + rows;
  }
}
