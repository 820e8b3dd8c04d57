import type { Placement } from '../balancing/placement.ts';
import { planned } from '../device/discovery.ts';
import { GATING_POLICIES } from '../gating/policies.ts';
import type { SettingsMark } from '../protocol/messages.ts';
import type { LivePatch, RunSettings } from '../protocol/settings.ts';
import { allocateOutboxes, type OutboxMemory, type OutboxSizes, sameOutbox } from '../rank/exchange.ts';
import type { CacheChange } from '../replay/replay_cache.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { LiveEviction } from './auto_eviction.ts';
import type { LiveDevices } from './live_devices.ts';
import { LivePlacement } from './live_placement.ts';
import type { LiveReplay } from './live_replay.ts';
import { checkScope, type MemoryPlan, planMemory, resolveSlots, slotsThatFit } from './memory_plan.ts';
import type { RankPool } from './rank_pool.ts';
import type { RunParts } from './run.ts';

/** Settings that a run begins with need no mark. */
export const START_LABEL = 'start';

type Parts = Pick<RunParts, 'spec' | 'model' | 'settings' | 'stepTokens' | 'recorder' | 'copyPriceRows'> & {
  readonly devices: LiveDevices;
};

/**
 * What a run's settings come to: slots that fit, the policy that `auto` chose, where experts stand, outboxes. It tells the ranks, the
 * run file, the replay and the marks, all of the same step boundary; the caller settles the step before first.
 */
export class SettingsInForce {
  settings: RunSettings;
  slotsPerLayer = 1;
  readonly marks: SettingsMark[] = [];
  private plan: MemoryPlan;
  private outboxes: OutboxSizes | undefined;
  private notedPlacement: Placement | undefined;
  private readonly eviction: LiveEviction;
  private placement: LivePlacement;

  constructor(
    private readonly parts: Parts,
    private pool: RankPool,
    private readonly trace: RoutingTrace,
    private readonly replay: LiveReplay,
    private readonly startedMs: number,
  ) {
    const { model, settings } = parts;
    this.settings = settings;
    this.plan = this.planFor(settings);
    this.eviction = new LiveEviction(trace, model.moeLayers.length, model.experts);
    this.placement = this.newPlacement();
  }

  get expertsPerDevice(): number {
    return this.plan.expertsPerDevice;
  }

  /** @throws EngineRefusal where a device's budget does not hold the changed settings, or the model does not allow them */
  check(patch: LivePatch): void {
    const wanted = { ...this.settings, ...patch };
    resolveSlots(this.planFor(wanted), wanted.cacheSlots, this.parts.devices.inUse);
    checkScope(this.parts.spec, wanted.cacheScope);
  }

  /** From step `atStep` on. */
  async put(settings: RunSettings, label: string, atStep: number): Promise<void> {
    this.plan = this.planFor(settings);
    this.slotsPerLayer = resolveSlots(this.plan, settings.cacheSlots, this.parts.devices.inUse);
    if (settings.placement !== this.settings.placement) this.placement.renew(settings, atStep);
    this.settings = settings;
    this.eviction.set(settings.eviction);
    await this.tellRanks();
    this.note(label, atStep);
  }

  /**
   * After the loss of a device: ranks opened anew on those that are left are told everything. Experts are placed over them, and where
   * they do not hold as many slots, as many as fit are in force.
   * @param says of what was lost @returns the mark's label
   * @throws EngineRefusal where they do not hold the run at all
   */
  async restart(pool: RankPool, says: string, atStep: number): Promise<string> {
    const { devices } = this.parts;
    this.pool = pool;
    this.outboxes = undefined;
    this.plan = this.planFor(this.settings);
    const fit = Math.min(...devices.inUse.map(({ bytes }) => slotsThatFit(this.plan, bytes)));
    const wanted = this.settings.cacheSlots === 'all' ? this.plan.expertsPerDevice : this.settings.cacheSlots;
    const fewer = fit > 0 && fit < wanted;
    if (fewer) this.settings = { ...this.settings, cacheSlots: fit };
    this.slotsPerLayer = resolveSlots(this.plan, this.settings.cacheSlots, devices.inUse);
    this.placement = this.newPlacement();
    this.placement.renew(this.settings, atStep);
    await this.tellRanks();
    const slots = fewer ? `, the ${fit} slots that fit there` : '';
    const label = `${says}; experts placed on ${devices.inUse.map(({ id }) => id).join(', ')}${slots}`;
    this.note(label, atStep, true);
    return label;
  }

  rebalanceIsDue(atStep: number): boolean {
    return this.placement.isDue(this.settings, atStep);
  }

  /** Places experts anew from the run's history, and says what that cost. @returns whether anything changed */
  async rebalance(atStep: number): Promise<boolean> {
    const begunMs = performance.now();
    const { placement, settings } = this;
    const first = placement.historySteps === 0;
    const before = placement.current;
    const moved = placement.renew(settings, atStep);
    if (placement.current === before) return false;
    const givenUp = await this.tellRanks();
    const ms = performance.now() - begunMs;
    const what = first ? `${settings.placement} placement` : 're-balanced';
    this.note(
      `${what} from ${placement.historySteps} steps: ${moved} experts moved, ${givenUp} to load again, ${ms.toFixed(1)} ms`,
      atStep,
    );
    return true;
  }

  /** Replays policies against each other where `auto` is set; called while the ranks work. */
  watchEviction(): void {
    this.eviction.advance(this.caches());
  }

  /** @returns the mark's label where `auto` chose another policy; `takeChoice` then puts it in force */
  chooseEviction(): string | undefined {
    return this.eviction.choose();
  }

  async takeChoice(label: string, atStep: number): Promise<void> {
    await this.tellRanks();
    this.note(label, atStep);
  }

  private planFor(settings: RunSettings): MemoryPlan {
    const { spec, stepTokens, devices } = this.parts;
    const { inUse } = devices;
    return planMemory(spec, { ...settings, devices: inUse.length, ...planned(inUse) }, stepTokens);
  }

  private newPlacement(): LivePlacement {
    const { model, devices } = this.parts;
    const shape = { layers: model.moeLayers.length, experts: model.experts, devices: devices.ranks.length };
    return new LivePlacement(this.trace, shape);
  }

  /** @returns experts that the ranks gave up for it */
  private tellRanks(): Promise<number> {
    const { gating, capacity, tutelFactor } = this.settings;
    const { activeSet: _, copyAfterRows, ...caches } = this.caches();
    return this.pool.apply({
      ...caches,
      copyAfterRows: this.parts.devices.ranks.map((device) => copyAfterRows[device] as number),
      placement: this.placement.current,
      gating: { gating, capacity, tutelFactor },
      ...this.newOutboxes(),
    });
  }

  private caches(): Omit<CacheChange, 'atStep'> & { readonly copyAfterRows: readonly number[] } {
    const { slotsPerLayer, eviction, settings } = this;
    const placement = this.parts.devices.spread(this.placement.current);
    const { activeSet } = GATING_POLICIES[settings.gating];
    const { prefetch, cacheScope: scope } = settings;
    const copyAfterRows = this.copyAfterRows;
    return { slotsPerLayer, eviction: eviction.inForce, placement, prefetch, scope, activeSet, copyAfterRows };
  }

  /**
   * By device. Gating that pads every batch asks for all experts in every step, so none comes rarely, and rows are what it makes them:
   * nothing is computed on the host under it.
   */
  get copyAfterRows(): readonly number[] {
    const { copyAfterRows, gating } = this.settings;
    const { devices, copyPriceRows } = this.parts;
    if (GATING_POLICIES[gating].activeSet === 'all') return devices.all.map(() => 0);
    return copyAfterRows === 'auto' ? copyPriceRows : devices.all.map(() => copyAfterRows);
  }

  /** Where gating changed what outboxes must hold. */
  private newOutboxes(): { outboxes?: OutboxMemory } {
    const { outbox } = this.plan;
    if (outbox === undefined || sameOutbox(outbox, this.outboxes)) return {};
    this.outboxes = outbox;
    return { outboxes: allocateOutboxes(this.parts.devices.ranks.length, this.parts.spec.hiddenSize, outbox) };
  }

  /** Records and shows them. */
  private note(label: string, atStep: number, cold = false): void {
    const { slotsPerLayer, settings } = this;
    const eviction = this.eviction.inForce;
    const { devices, recorder } = this.parts;
    const placement = devices.spread(this.placement.current);
    const atMs = performance.now() - this.startedMs;
    const moved = placement !== this.notedPlacement;
    this.notedPlacement = placement;
    const { lost } = devices;
    const { copyAfterRows } = this;
    const inForce = { settings, slotsPerLayer, eviction, copyAfterRows, lost };
    recorder.settings({ atStep, atMs, label, ...inForce, ...(moved && { placement }) });
    const fit = Math.min(...devices.inUse.map((device) => slotsThatFit(this.plan, device.bytes)));
    this.replay.change({ atStep, cold, ...this.caches() }, { slots: settings.cacheSlots, slotsThatFit: fit });
    if (label !== START_LABEL) this.marks.push({ step: atStep, atMs, label, settings });
  }
}
