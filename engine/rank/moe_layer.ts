import { COMPUTE, HIT } from '../buffering/expert_cache.ts';
import type { Device, Hidden } from '../device/device.ts';
import type { GatingPolicy } from '../gating/policy.ts';
import { BatchLayout } from './batch_layout.ts';
import { markWaited } from './combine.ts';
import type { LayerParts, MoeLayerInput } from './layer_input.ts';
import { LoadOverlap } from './load_overlap.ts';
import type { RowPath } from './row_path.ts';

/** Steps 3 to 5 of a rank's MoE layer: exchange sizes, exchange rows, run experts (resident first), exchange back, combine. */
export class MoeLayerRunner {
  private readonly layout: BatchLayout;
  private path: RowPath | undefined;
  private policy: GatingPolicy | undefined;
  private readonly soloSizes: Int32Array[] = [];
  private readonly soloStamps: Int32Array;
  private soloNumber = 0;
  /** Rows that this device's experts ran since it was last set to 0, padding included. */
  rows = 0;
  /** Time that absent experts took on the host since it was last set to 0, their rows' way there and back included, ms. */
  computeMs = 0;
  readonly overlap: LoadOverlap;

  constructor(
    private readonly device: Device,
    private readonly parts: LayerParts,
  ) {
    const { rank, experts, exchange } = parts;
    this.layout = new BatchLayout(rank, exchange?.memory.ranks ?? 1, experts);
    this.soloStamps = new Int32Array(experts);
    this.overlap = new LoadOverlap(parts.clock, device.settle?.bind(device));
  }

  /** Moves rows as `policy` says, from the next layer on. */
  async use(policy: GatingPolicy): Promise<void> {
    if (policy === this.policy) return;
    await this.path?.close();
    this.policy = policy;
    this.path = await this.device.openRows(policy, this.parts, this.layout);
  }

  /** @returns the residual stream by group, experts' sums added; the layer's own states are given up */
  async run(input: MoeLayerInput): Promise<readonly Hidden[]> {
    const { policy, path, layout } = this;
    const { exchange, clock, ahead } = this.parts;
    if (policy === undefined || path === undefined) throw new Error('settings must be applied before the first step');
    this.overlap.begin();
    const number = exchange === undefined ? ++this.soloNumber : exchange.next();
    if (exchange === undefined) this.soloSizes[0] = input.plan.sizes;
    else {
      // Sizes first, rows after: see exchange.ts.
      clock.enter('exchange');
      (exchange.sizes[this.parts.rank] as Int32Array).set(input.plan.sizes);
      exchange.raise('sizes');
    }
    const publishing = path.publish(input, exchange);
    if (publishing !== undefined) await publishing;
    exchange?.raise('rows');
    if (!ahead.isOn) await this.prefetch(input.layer);
    if (exchange !== undefined) {
      clock.enter('exchange');
      exchange.awaitAll('sizes');
    }
    layout.measure(exchange?.sizes ?? this.soloSizes, input.split, policy.activeSet);
    const foreseen = ahead.gather(input.layer);
    await this.runExperts(input, path, number);
    exchange?.raise('results');
    // What routers foresee is known a layer before, and only where the layer had rows to foresee from, as in replay.
    if (foreseen !== undefined && layout.totalRows > 0) await this.prefetch(input.layer + 1, foreseen);
    if (exchange !== undefined) {
      clock.enter('exchange');
      exchange.awaitAll('results');
    }
    const states = await path.combine(input);
    markWaited(input, layout, exchange?.loadStamps ?? this.soloStamps, number);
    path.finish();
    return states;
  }

  /**
   * Loads ahead, while it would wait for others: by echo for the layer that begins, before this device knows what it will be asked
   * for, by routers for the next one. A session is created on this very thread, so what was loaded in vain, or sooner than the
   * others came, is time lost: it counts as load.
   */
  private async prefetch(layer: number, foreseen?: Uint8Array): Promise<void> {
    const { caches } = this.parts;
    const count = caches.planPrefetch(layer, foreseen);
    for (let number = 0; number < count; number++) await this.overlap.load(() => caches.prefetch(layer, number));
  }

  private async runExperts(input: MoeLayerInput, path: RowPath, number: number): Promise<void> {
    const { layout } = this;
    const { rank, experts, caches, exchange, clock } = this.parts;
    const { layer } = input;
    // For the caches, as in replay, a step that has no row for a layer did not pass there.
    if (layout.totalRows === 0) return;
    const stamps = exchange?.loadStamps ?? this.soloStamps;
    const order = caches.open(layer, layout.active, layout.activeCount);
    exchange?.awaitAll('rows');
    const receiving = path.receive(input);
    if (receiving !== undefined) await receiving;
    const computed = this.computed(layer, order);
    if (computed.length > 0) await this.onHost(async () => path.fetchAbsent?.(input, computed));
    for (let i = 0; i < layout.activeCount; i++) {
      const expert = order[i] as number;
      const verdict = caches.access(layer, expert, layout.batchRows[expert] as number);
      if (verdict === COMPUTE) continue;
      if (verdict !== HIT) {
        await this.overlap.load(() => caches.load(layer, expert, verdict));
        Atomics.store(stamps, rank * experts + expert, number);
      }
      // A copy that no row came to was only kept at hand, where gating asks for every expert.
      if (layout.batchRows[expert] === 0) continue;
      this.rows += await path.run(input, expert);
    }
    if (computed.length > 0) this.rows += await this.onHost(() => path.runAbsent(input, computed));
    if (exchange === undefined || path.show === undefined) return;
    clock.enter('exchange');
    await path.show();
  }

  /** Experts of the open event that the host computes. What is queued for others leaves them as they are. */
  private computed(layer: number, order: Int32Array): number[] {
    const { caches } = this.parts;
    const { activeCount, batchRows } = this.layout;
    if (!caches.computesMisses) return [];
    const experts = order.subarray(0, activeCount);
    return Array.from(experts.filter((expert) => caches.computes(layer, expert, batchRows[expert] as number)));
  }

  private async onHost<T>(work: () => Promise<T>): Promise<T> {
    const begunMs = performance.now();
    const result = await work();
    this.computeMs += performance.now() - begunMs;
    return result;
  }

  async close(): Promise<void> {
    await this.path?.close();
    this.path = undefined;
    this.policy = undefined;
  }
}
