import { EngineRefusal } from '../api.ts';
import type { TextTokenizer } from '../checkpoint/tokenizer.ts';
import { DeviceLost } from '../device/device_lost.ts';
import { type ChosenDevice, planned } from '../device/discovery.ts';
import { decoderOf, type ModelSpec, switchTokens } from '../families/spec.ts';
import type { RunInfo, RunState, SettingsMark } from '../protocol/messages.ts';
import type { ModelSummary } from '../protocol/model.ts';
import type { LivePatch, RunSettings } from '../protocol/settings.ts';
import type { TelemetryFrame } from '../protocol/telemetry.ts';
import type { RowPlan, StepPlan, StepResult } from '../rank/messages.ts';
import { RoutingTraceBuilder } from '../trace/trace.ts';
import { describeChange } from './describe_change.ts';
import { reopenWithout } from './device_loss.ts';
import { FrameBuilder } from './frame_builder.ts';
import { LiveDevices } from './live_devices.ts';
import { LiveReplay } from './live_replay.ts';
import { MeasuredMemory, type MemoryCheck } from './measured_memory.ts';
import { expectedLedger, FIRST_STEP_TOKENS } from './memory_plan.ts';
import type { PromptQueue } from './prompts.ts';
import type { RankPool } from './rank_pool.ts';
import type { RunRecorder } from './run_recorder.ts';
import { RunTelemetry } from './run_telemetry.ts';
import { RunText } from './run_text.ts';
import { Scheduler } from './scheduler.ts';
import { SettingsInForce, START_LABEL } from './settings_in_force.ts';
import { joinResults, type StepRow } from './step_row.ts';

export interface RunParts {
  readonly id: string;
  readonly spec: ModelSpec;
  readonly model: ModelSummary;
  readonly tokenizer: TextTokenizer;
  readonly prompts: PromptQueue;
  readonly endTokens: ReadonlySet<number>;
  /** Of an encoder-decoder: what every decoder sequence begins with. */
  readonly decoderPrompt?: readonly number[];
  readonly settings: RunSettings;
  /** With their budgets. */
  readonly devices: readonly ChosenDevice[];
  readonly stepTokens: number;
  /** A rank on each of these devices, their dense parts loaded. */
  readonly openRanks: (devices: readonly ChosenDevice[]) => Promise<RankPool>;
  /** Of one expert, foretold by the measured link; 0 where none was. */
  readonly loadMs: number;
  /** What `auto` comes to for copyAfterRows, by device: the price of a copy in rows that the host computes. */
  readonly copyPriceRows: readonly number[];
  /** The first ones, of all `devices`. */
  readonly pool: RankPool;
  readonly recorder: RunRecorder;
  readonly startedAt: string;
}

export interface RunListener {
  frame(frame: TelemetryFrame): void;
  /** State, settings or marks changed. */
  changed(): void;
  /** Something went wrong that the run survived. */
  warn(line: string): void;
}

interface Pending {
  readonly patch: LivePatch;
  readonly resolve: (atStep: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One run: the loop over steps. Between two steps it applies changed settings, takes waiting prompts in and sends the next
 * step out; while the ranks work on it, the step before is recorded, replayed and shown.
 */
export class Run {
  state: RunState = 'running';
  /** Settled when the ranks are closed and the run file is complete; holds the error of a run that failed. */
  readonly ended: Promise<Error | undefined>;

  private readonly scheduler: Scheduler;
  private readonly trace: RoutingTraceBuilder;
  private readonly replay: LiveReplay;
  private readonly frames: FrameBuilder;
  private readonly text: RunText;
  private readonly measured = new MeasuredMemory();
  private readonly telemetry: RunTelemetry;
  private readonly inForce: SettingsInForce;
  private readonly devices: LiveDevices;
  private pool: RankPool;
  private pending: Pending[] = [];
  private stopping = false;
  private stepsAllowed = Number.POSITIVE_INFINITY;
  private wake: (() => void) | undefined;
  private nextStep = 0;
  private unsettled: { row: StepRow; profile: StepResult['profile'] } | undefined;
  private readonly startedMs = performance.now();

  constructor(
    private readonly parts: RunParts,
    private readonly listener: RunListener,
  ) {
    const { spec, model, settings, prompts } = parts;
    this.pool = parts.pool;
    this.devices = new LiveDevices(parts.devices);
    const layers = model.moeLayers.length;
    this.scheduler = new Scheduler(prompts, {
      ranks: settings.devices.length,
      newTokens: settings.newTokens,
      contextTokens: spec.contextTokens,
      endTokens: settings.ignoreEnd ? new Set() : parts.endTokens,
      ...(parts.decoderPrompt && { decoderPrompt: parts.decoderPrompt }),
      switchTokens: switchTokens(decoderOf(spec)),
    });
    this.trace = new RoutingTraceBuilder({ moeLayers: layers, experts: model.experts, topK: model.topK });
    this.replay = new LiveReplay(this.trace, layers, model.experts, parts.loadMs);
    this.frames = new FrameBuilder(parts.id, layers, settings.devices.length, prompts.total);
    this.text = new RunText(parts.tokenizer, this.frames, parts.decoderPrompt !== undefined);
    this.telemetry = new RunTelemetry(this.frames, this.replay, (frame) => listener.frame(frame));
    const { devices } = this;
    this.inForce = new SettingsInForce({ ...parts, devices }, this.pool, this.trace, this.replay, this.startedMs);
    this.ended = this.loop().then(
      () => this.close('finished', undefined),
      (error: Error) => this.close('failed', error),
    );
  }

  info(): RunInfo {
    const { id, devices, recorder, startedAt } = this.parts;
    return {
      id,
      settings: this.settings,
      path: recorder.path,
      startedAt,
      slotsPerLayer: this.inForce.slotsPerLayer,
      expertsPerDevice: this.inForce.expertsPerDevice,
      budgetBytes: devices.map((device) => device.bytes),
      lost: [...this.devices.lost],
      expectedBytes: this.expectedBytes(),
      copyAfterRows: this.inForce.copyAfterRows,
    };
  }

  /** Estimated before loading and measured at its highest, by device: what `run --json` and the window set side by side. */
  memory(): MemoryCheck {
    return this.measured.against(this.expectedBytes());
  }

  private expectedBytes(): number[] {
    const { settings, inForce, parts, devices } = this;
    const { sessionBytes } = planned(devices.inUse);
    const shape = { ...settings, devices: devices.ranks.length, sessionBytes };
    return expectedLedger(parts.spec, shape, inForce.slotsPerLayer);
  }

  get settings(): RunSettings {
    return this.inForce.settings;
  }

  get marks(): readonly SettingsMark[] {
    return this.inForce.marks;
  }

  /** Steps begun. */
  get steps(): number {
    return this.nextStep;
  }

  pause(): void {
    if (this.state !== 'running') return;
    this.stepsAllowed = 0;
    this.become('paused');
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.stepsAllowed = Number.POSITIVE_INFINITY;
    this.become('running');
    this.wake?.();
  }

  stepOnce(): void {
    if (this.state !== 'running' && this.state !== 'paused') return;
    this.stepsAllowed = 1;
    this.become('paused');
    this.wake?.();
  }

  async stop(): Promise<void> {
    if (this.state === 'running' || this.state === 'paused') {
      this.stopping = true;
      this.become('stopping');
      this.wake?.();
    }
    await this.ended;
  }

  /** Puts settings in force at the next step boundary. @throws EngineRefusal where the device's budget does not hold them */
  change(patch: LivePatch): Promise<number> {
    this.inForce.check(patch);
    return new Promise((resolve, reject) => {
      this.pending.push({ patch, resolve, reject });
      this.wake?.();
    });
  }

  private become(state: RunState): void {
    this.state = state;
    this.listener.changed();
  }

  private async loop(): Promise<void> {
    await this.putInForce(this.settings, START_LABEL);
    while (!this.stopping) {
      await this.applyPending();
      if (this.stepsAllowed <= 0) {
        await this.rest();
        continue;
      }
      await this.adapt();
      this.admit();
      const rows = this.scheduler.plan(
        // Sources are not cut, and an encoder's first step should be a whole batch too.
        this.nextStep === 0 && this.parts.decoderPrompt === undefined
          ? Math.min(FIRST_STEP_TOKENS, this.parts.stepTokens)
          : this.parts.stepTokens,
      );
      if (rows === undefined) break;
      this.stepsAllowed--;
      await this.runStep(rows);
    }
    this.settle();
  }

  /** @param also what else took effect at this step boundary */
  private async goOnWithout(lost: DeviceLost, also?: string): Promise<void> {
    const begunMs = performance.now();
    const { devices, pool, scheduler, inForce, nextStep: step } = this;
    const { openRanks } = this.parts;
    this.settle();
    const next = await reopenWithout(lost, { devices, pool, openRanks, scheduler, inForce, step }, also);
    this.pool = next.pool;
    this.listener.warn(`Step ${step}: ${next.label}, ${((performance.now() - begunMs) / 1000).toFixed(1)} s.`);
    this.listener.changed();
  }

  private async runStep(rows: readonly (readonly RowPlan[])[]): Promise<void> {
    const { temperature, topK, topP, repetitionPenalty, seed } = this.settings;
    const sampling = { temperature, topK, topP, repetitionPenalty, seed };
    const profile = this.telemetry.profileWanted;
    this.telemetry.profileWanted = false;
    const step = this.nextStep++;
    const encoding = rows.some((rankRows) => rankRows.some((row) => row.source !== undefined));
    const plans: StepPlan[] = rows.map((rankRows) => ({
      step,
      encoding,
      rows: rankRows,
      sampling,
      allLogits: false,
      profile,
    }));
    const begunMs = performance.now();
    const working = this.pool.step(plans);
    this.settle();
    const results = await working.catch((error: Error) => error);
    if (results instanceof DeviceLost) {
      this.nextStep--;
      this.stepsAllowed++;
      return this.goOnWithout(results);
    }
    if (results instanceof Error) throw results;
    const endMs = performance.now();
    const emissions = this.scheduler.advance(
      rows,
      results.map((result) => result.sampled),
    );
    const timing = { endMs: endMs - this.startedMs, durationMs: endMs - begunMs };
    this.unsettled = {
      row: joinResults(this.parts.model, rows, results, emissions, timing, {
        devices: this.devices.all.length,
        ranks: this.devices.ranks,
      }),
      profile: results[0]?.profile,
    };
  }

  /** Records and shows the last whole step; done while the ranks are at the next one. */
  private settle(): void {
    if (this.unsettled === undefined) return;
    const { row, profile } = this.unsettled;
    this.unsettled = undefined;
    // Weights are in the run file; in memory the trace serves replay, which needs ids only.
    this.trace.appendStep({ ...row, weights: undefined });
    this.parts.recorder.step(row, this.text.add(row.emissions));
    this.replay.addMeasured(row);
    this.measured.add(row.ledgerBytes, row.peakBytes);
    this.inForce.watchEviction();
    this.frames.addStep(row);
    if (profile !== undefined) this.frames.setProfile({ step: row.step, device: 0, ...profile });
    this.telemetry.wake();
  }

  private admit(): void {
    const admitted = this.scheduler.admit(this.settings.batch);
    // The text of whoever had the row before comes first.
    if (admitted.length > 0) this.settle();
    for (const admission of admitted) {
      this.text.begin(admission);
      this.parts.recorder.sequence(admission.sequence, admission.row, admission.prompt);
    }
  }

  private async applyPending(): Promise<void> {
    for (const { patch, resolve, reject } of this.pending.splice(0)) {
      const settings = { ...this.settings, ...patch };
      try {
        await this.putInForce(settings, describeChange(this.settings, settings));
        resolve(this.nextStep);
      } catch (error) {
        reject(error as Error);
        throw error;
      }
    }
  }

  private async putInForce(settings: RunSettings, label: string): Promise<void> {
    this.settle();
    await this.atBoundary(this.inForce.put(settings, label, this.nextStep), label);
    this.listener.changed();
  }

  /** What the run's own history asks for, though nobody changed a setting: experts placed anew, another eviction policy. */
  private async adapt(): Promise<void> {
    const { inForce, nextStep } = this;
    if (inForce.rebalanceIsDue(nextStep)) {
      this.settle();
      if (await this.atBoundary(inForce.rebalance(nextStep))) this.listener.changed();
    }
    const label = inForce.chooseEviction();
    if (label === undefined) return;
    this.settle();
    await this.atBoundary(inForce.takeChoice(label, nextStep), label);
    this.listener.changed();
  }

  /** A device may also be lost while ranks take up settings; the ranks that come after are told them with everything else. */
  private async atBoundary<T>(told: Promise<T>, label?: string): Promise<T | undefined> {
    try {
      return await told;
    } catch (error) {
      if (!(error instanceof DeviceLost)) throw error;
      await this.goOnWithout(error, label);
      return undefined;
    }
  }

  /** Paused: everything so far is recorded and shown, then nothing happens until someone asks. */
  private async rest(): Promise<void> {
    this.settle();
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      if (this.stopping || this.stepsAllowed > 0 || this.pending.length > 0) resolve();
    });
    this.wake = undefined;
  }

  private async close(state: 'finished' | 'failed', error: Error | undefined): Promise<Error | undefined> {
    for (const { reject } of this.pending.splice(0)) {
      reject(new EngineRefusal('change: the run ended before the change could be applied; it holds for the next run.'));
    }
    const audit = await this.telemetry.finish();
    await this.pool.close();
    const reason = error === undefined ? (this.stopping ? 'stopped' : 'finished') : error.message;
    // Where the run file itself failed, that error is the one to tell.
    const unfinished = await this.parts.recorder.finish(reason, this.frames.totals, audit).then(
      () => undefined,
      (failure: Error) => failure,
    );
    this.become(error === undefined && unfinished === undefined ? state : 'failed');
    return error ?? unfinished;
  }
}
