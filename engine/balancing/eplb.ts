export interface EplbShape {
  /** Slots of a layer over all devices. */
  readonly replicas: number;
  /** Expert groups, which stay whole within a node. */
  readonly groups: number;
  readonly nodes: number;
  readonly devices: number;
}

/** DeepSeek EPLB's three tables, a row a layer. */
export interface EplbPlan {
  /** Logical expert of each slot [layers][replicas], device by device. */
  readonly phy2log: readonly Uint16Array[];
  /** Slot of each copy [layers][experts * mostCopies], -1 where an expert has fewer copies. */
  readonly log2phy: readonly Int32Array[];
  /** Copies of each expert [layers][experts]. */
  readonly logcnt: readonly Int32Array[];
  readonly mostCopies: number;
}

/**
 * DeepSeek EPLB. Hierarchical where the nodes divide the groups: groups are packed to nodes, experts replicated inside their
 * node, slots packed to the node's devices. Otherwise global: the same with one group and one node.
 * @param weight load of each expert, a row a layer [layers][experts]
 * @throws RangeError where replicas do not divide by devices, devices by nodes or experts by groups, or are too few
 */
export function eplb(weight: readonly ArrayLike<number>[], shape: EplbShape): EplbPlan {
  const experts = weight[0]?.length ?? 0;
  checkShape(shape, experts);
  const hierarchical = shape.groups % shape.nodes === 0;
  const used = hierarchical ? shape : { ...shape, groups: 1, nodes: 1 };
  const slots = weight.map((row) => planLayer(row, used));
  const logcnt = slots.map((layer) => {
    const copies = new Int32Array(experts);
    for (const { item } of layer) copies[item] = (copies[item] as number) + 1;
    return copies;
  });
  const mostCopies = logcnt.reduce((most, copies) => copies.reduce((a, b) => Math.max(a, b), most), 0);
  const log2phy = slots.map((layer) => {
    const table = new Int32Array(experts * mostCopies).fill(-1);
    for (const [slot, { item, rank }] of layer.entries()) table[item * mostCopies + rank] = slot;
    return table;
  });
  return { phy2log: slots.map((layer) => Uint16Array.from(layer, ({ item }) => item)), log2phy, logcnt, mostCopies };
}

function checkShape({ replicas, groups, nodes, devices }: EplbShape, experts: number): void {
  const divides = (what: string, by: string, value: number, divisor: number) => {
    if (value % divisor !== 0) throw new RangeError(`${value} ${what} do not divide by ${divisor} ${by}`);
  };
  divides('replicas', 'devices', replicas, devices);
  divides('devices', 'nodes', devices, nodes);
  divides('experts', 'groups', experts, groups);
  if (replicas < experts) throw new RangeError(`${replicas} replicas are fewer than ${experts} experts`);
}

interface Copy {
  readonly item: number;
  readonly rank: number;
}

/** Copies by slot [replicas]; items are logical experts. */
function planLayer(weight: ArrayLike<number>, { replicas, groups, nodes, devices }: EplbShape): Copy[] {
  const perGroup = weight.length / groups;
  const groupWeight = Array.from({ length: groups }, (_, group) => {
    let sum = 0;
    for (let index = 0; index < perGroup; index++) sum += weight[group * perGroup + index] as number;
    return sum;
  });
  return packEvenly(groupWeight, nodes).flatMap((nodeGroups) => {
    const own = nodeGroups.flatMap((group) => Array.from({ length: perGroup }, (_, index) => group * perGroup + index));
    const load = own.map((expert) => weight[expert] as number);
    const copies = replicate(load, replicas / nodes);
    const count = new Int32Array(own.length);
    for (const { item } of copies) count[item] = (count[item] as number) + 1;
    const slotLoad = copies.map(({ item }) => (load[item] as number) / (count[item] as number));
    return packEvenly(slotLoad, devices / nodes)
      .flat()
      .map((slot) => {
        const { item, rank } = copies[slot] as Copy;
        return { item: own[item] as number, rank };
      });
  });
}

/**
 * Balanced packing: the items of each pack, the same number in each, in the order in which they came. By falling weight, each
 * to the lightest pack with room, the first on ties; one item a pack stays in its place.
 */
function packEvenly(weight: readonly number[], packs: number): number[][] {
  const room = weight.length / packs;
  if (room === 1) return weight.map((_, item) => [item]);
  const order = weight.map((_, item) => item);
  order.sort((a, b) => (weight[b] as number) - (weight[a] as number) || a - b);
  const filled = Array.from({ length: packs }, () => ({ sum: 0, items: [] as number[] }));
  for (const item of order) {
    const open = filled.filter(({ items }) => items.length < room);
    const lightest = open.reduce((best, pack) => (pack.sum < best.sum ? pack : best));
    lightest.items.push(item);
    lightest.sum += weight[item] as number;
  }
  return filled.map(({ items }) => items);
}

/** Each item once, then every further slot a copy of the item with the greatest weight per copy, the first on ties. */
function replicate(weight: readonly number[], slots: number): Copy[] {
  const copies = weight.map((_, item) => ({ item, rank: 0 }));
  const count = weight.map(() => 1);
  const each = (item: number) => (weight[item] as number) / (count[item] as number);
  while (copies.length < slots) {
    let heaviest = 0;
    for (let item = 1; item < weight.length; item++) if (each(item) > each(heaviest)) heaviest = item;
    copies.push({ item: heaviest, rank: count[heaviest] as number });
    count[heaviest] = (count[heaviest] as number) + 1;
  }
  return copies;
}
