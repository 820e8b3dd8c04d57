/**
 * Decides which resident expert is given up. One instance a cache, of one layer or of all layers of a device: a cache of several
 * layers calls expert e of its layer number l by the id l * experts + e. The expert cache tells it what happens and
 * asks it only when a slot is needed. A step's active set is protected while any other resident is left: that rule belongs to
 * every policy here, since the router has run before the cache is asked.
 *
 * `step` is the cache's count of steps: it rises from call to call or stays, and tells a policy what was used together.
 */
export interface EvictionPolicy {
  /**
   * A step of a layer begins: the experts that it needs, as the layer calls them, ascending, in the first `count` places. Before any
   * of them is served.
   * @param place number of the layer within the cache
   */
  openStep?(active: ArrayLike<number>, count: number, step: number, place: number): void;
  /** An expert became resident. */
  onLoad(expert: number, step: number): void;
  /** An expert became resident before it was wanted; as `onLoad` where that is no use of it, or where there is none. */
  onPrefetch?(expert: number, step: number): void;
  /** A resident expert was wanted. */
  onHit(expert: number, step: number): void;
  /** An expert is no longer resident. */
  onEvict(expert: number): void;
  /**
   * The resident to give up. `activeStamp[e] === step` marks the experts that this step needs.
   * Asked only while at least one expert is resident.
   */
  victim(activeStamp: Int32Array, step: number): number;
}

/** What a policy may know of its cache beside what it is told. */
export interface CacheView {
  readonly capacity: number;
  /** Steps seen, also before the policy was chosen; of several layers, rounds of them. */
  readonly steps: number;
  /** Of them, those that needed each expert [layers, experts]. */
  readonly uses: Uint32Array;
}
