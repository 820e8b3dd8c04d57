/** How a batch's rows of an expert are divided over its copies, see split.ts. */
export type SplitName = 'equal' | 'levelled';

/** Where the copies of each expert stand in one MoE layer. */
export interface LayerPlacement {
  /** Expert e has copies firstCopy[e] to firstCopy[e + 1] - 1, at least one [experts + 1]. */
  readonly firstCopy: Int32Array;
  /**
   * Device of each copy, ascending within an expert [copies]: with one copy each, the device of each expert. Two copies on one
   * device share their memory and only weigh double in an equal split.
   */
  readonly deviceOf: Uint8Array;
}

/** Devices of all experts. Every expert stands somewhere, some on several devices (EPLB's redundant experts). */
export interface Placement {
  readonly devices: number;
  readonly split: SplitName;
  readonly layers: readonly LayerPlacement[];
}

/** Tokens per expert of past batches [batches, layers, experts]. */
export interface LoadHistory {
  readonly layers: number;
  readonly experts: number;
  readonly batches: number;
  readonly counts: Uint32Array;
}

/** Experts per device: E/D; where D does not divide E, the first E mod D devices hold one more. */
export function deviceCapacity(experts: number, devices: number, device: number): number {
  return Math.floor(experts / devices) + (device < experts % devices ? 1 : 0);
}

/** The usual placement of expert-parallel engines: experts in blocks by id. */
export function contiguous(layers: number, experts: number, devices: number): Placement {
  const row = new Uint8Array(experts);
  let expert = 0;
  for (let device = 0; device < devices; device++) {
    const capacity = deviceCapacity(experts, devices, device);
    row.fill(device, expert, expert + capacity);
    expert += capacity;
  }
  return singleCopies(
    devices,
    Array.from({ length: layers }, () => row.slice()),
  );
}

/** Every expert on exactly one device: device of each, a row a layer [layers][experts]. */
export function singleCopies(devices: number, deviceOf: readonly Uint8Array[]): Placement {
  const firstCopy = Int32Array.from({ length: (deviceOf[0]?.length ?? 0) + 1 }, (_, expert) => expert);
  return { devices, split: 'equal', layers: deviceOf.map((row) => ({ firstCopy, deviceOf: row })) };
}

/** Whether a device holds a copy of an expert. */
export function isHeld({ firstCopy, deviceOf }: LayerPlacement, expert: number, device: number): boolean {
  const end = firstCopy[expert + 1] as number;
  for (let copy = firstCopy[expert] as number; copy < end; copy++) if (deviceOf[copy] === device) return true;
  return false;
}

/** Experts that a device holds in a layer. */
export function heldCount(layer: LayerPlacement, device: number): number {
  let held = 0;
  for (let expert = 0; expert < layer.firstCopy.length - 1; expert++) if (isHeld(layer, expert, device)) held++;
  return held;
}

/** Most experts of a layer that any device holds: the largest cache that makes sense. */
export function mostHeld({ devices, layers }: Placement): number {
  let most = 0;
  for (const layer of layers) {
    for (let device = 0; device < devices; device++) most = Math.max(most, heldCount(layer, device));
  }
  return most;
}
