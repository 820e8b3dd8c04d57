import { arrayFromBase64 } from './base64.ts';
import type { RunHeader, RunRecord, RunSummary, SettingsRecord, StepRecord } from './run_file.ts';
import { isTail, RunLines, type RunUpgrader } from './run_lines.ts';
import {
  CACHE_COUNTERS,
  PREFETCH_COUNTERS,
  type RecordedSequence,
  type RecordedSettings,
  type RecordedStep,
  type RunRecording,
} from './run_recording.ts';
import { CATEGORY_COUNT, PHASE_COUNT } from './telemetry.ts';

/** Id of a choice that was not recorded. */
const MISSING_EXPERT = 0xffff;

/**
 * Reads a recording line by line. The first line that is not whole, or contradicts the ones before, ends it: everything after
 * a cut is not to be trusted, everything before it is kept.
 */
export class RunParser {
  private lines: RunLines | undefined;
  private lineNumber = 0;
  private readonly settings: RecordedSettings[] = [];
  private readonly sequences: RecordedSequence[] = [];
  private readonly steps: RecordedStep[] = [];
  private endReason: string | undefined;
  private summary: RunSummary | undefined;
  private damagedLine: number | undefined;

  constructor(
    private readonly name: string,
    private readonly upgraders?: ReadonlyMap<number, RunUpgrader>,
  ) {}

  /**
   * @returns false when nothing after this line will be used
   * @throws EngineRefusal where the first line says that this is no run file that can be opened
   */
  push(line: string): boolean {
    this.lineNumber++;
    if (this.lines === undefined) {
      this.lines = RunLines.open(this.name, line, this.upgraders);
      return true;
    }
    if (this.summary !== undefined || this.damagedLine !== undefined) return false;
    if (isTail(line)) {
      this.summary = this.lines.parseTail(line);
      if (this.summary === undefined) this.damagedLine = this.lineNumber;
      return false;
    }
    const record = this.lines.parseRecord(line);
    if (record !== undefined && this.take(record, this.lines.head.header)) return true;
    this.damagedLine = this.lineNumber;
    return false;
  }

  /** @throws EngineRefusal where no line came */
  finish(): RunRecording {
    const { head } = this.lines ?? RunLines.open(this.name, '', this.upgraders);
    const { settings, sequences, steps, endReason, summary } = this;
    const complete = summary !== undefined;
    return {
      exporter: head.exporter,
      header: head.header,
      settings,
      sequences,
      steps,
      ...(endReason !== undefined && { endReason }),
      ...(summary && { summary }),
      complete,
      ...(!complete && { truncation: this.truncation() }),
    };
  }

  private truncation(): string {
    const where = this.damagedLine === undefined ? 'before its end was written' : `in line ${this.damagedLine}`;
    const kept = this.steps.length === 1 ? 'the 1 whole step' : `the ${this.steps.length} whole steps`;
    return `${this.name}: the run was cut off ${where}; ${kept} before that can be used.`;
  }

  /** @returns false for a record that contradicts the header or the records before it */
  private take(record: RunRecord, header: RunHeader): boolean {
    switch (record.t) {
      case 'settings':
        return this.takeSettings(record, header);
      case 'sequence': {
        const tokens = tryDecode(() => arrayFromBase64('i32', record.tokens));
        if (tokens === undefined) return false;
        const { sequence, row, prompt } = record;
        this.sequences.push({ sequence, row, prompt, tokens, fromStep: this.steps.length });
        return true;
      }
      case 'step': {
        if (record.n !== this.steps.length || this.settings.length === 0) return false;
        const step = tryDecode(() => decodeStep(record, header));
        if (step === undefined) return false;
        this.steps.push(step);
        return true;
      }
      case 'end':
        this.endReason = record.reason;
        return true;
    }
  }

  private takeSettings(record: SettingsRecord, { moeLayers, experts, devices }: RunHeader): boolean {
    const last = this.settings.at(-1);
    if (record.atStep < (last?.atStep ?? 0) || (last === undefined && record.atStep !== 0)) return false;
    let placement = last?.placement;
    const moved = record.placement;
    if (moved !== undefined) {
      placement = tryDecode(() => decodePlacement(moved, moeLayers * experts, devices.length));
    }
    if (placement === undefined) return false;
    const { atStep, atMs, label, settings, slotsPerLayer, lost = [] } = record;
    const eviction = settings.eviction === 'auto' ? record.eviction : settings.eviction;
    if (eviction === undefined) return false;
    const { copyAfterRows = devices.map(() => 0) } = record;
    if (copyAfterRows.length !== devices.length) return false;
    this.settings.push({ atStep, atMs, label, settings, slotsPerLayer, eviction, copyAfterRows, placement, lost });
    return true;
  }
}

/** @throws RangeError for an expert without a copy, or a device that the run does not have */
function decodePlacement(
  placement: NonNullable<SettingsRecord['placement']>,
  experts: number,
  devices: number,
): RecordedSettings['placement'] {
  const { split, copies: counts } = placement;
  const copies = counts === undefined ? new Uint8Array(experts).fill(1) : arrayFromBase64('u8', counts, experts);
  if (copies.includes(0)) throw new RangeError('an expert has no copy');
  const deviceOf = arrayFromBase64(
    'u8',
    placement.deviceOf,
    copies.reduce((sum, count) => sum + count, 0),
  );
  if (placement.devices !== devices || deviceOf.some((device) => device >= devices)) {
    throw new RangeError(`the run has ${devices} devices`);
  }
  let at = 0;
  for (const count of copies) {
    for (const end = at++ + count; at < end; at++) {
      if ((deviceOf[at] as number) < (deviceOf[at - 1] as number))
        throw new RangeError('copies are not by rising device');
    }
  }
  return { devices, split, copies, deviceOf };
}

/** @throws RangeError for columns whose sizes or ids do not fit the header */
function decodeStep(record: StepRecord, { moeLayers, experts, topK, devices }: RunHeader): RecordedStep {
  const tokens = record.tokens.count;
  const choices = moeLayers * tokens * topK;
  const ids = arrayFromBase64('u16', record.ids, choices);
  for (const id of ids) if (id >= experts && id !== MISSING_EXPERT) throw new RangeError(`expert ${id} of ${experts}`);
  return {
    step: record.n,
    endMs: record.endMs,
    durationMs: record.durationMs,
    stallMs: record.stallMs,
    hiddenMs: record.hiddenMs ?? 0,
    computeMs: record.computeMs ?? 0,
    hostBytes: record.hostBytes ?? 0,
    tokens,
    request: arrayFromBase64('i32', record.tokens.request, tokens),
    position: arrayFromBase64('i32', record.tokens.position, tokens),
    phase: arrayFromBase64('u8', record.tokens.phase, tokens),
    ids,
    weights: arrayFromBase64('f32', record.weights, choices),
    cache: arrayFromBase64('u32', record.cache, devices.length * moeLayers * CACHE_COUNTERS.length),
    ...(record.prefetches !== undefined && {
      prefetches: arrayFromBase64('u32', record.prefetches, devices.length * moeLayers * PREFETCH_COUNTERS.length),
    }),
    ...(record.foreseen !== undefined && { foreseen: arrayFromBase64('u8', record.foreseen, moeLayers * experts) }),
    ledgerBytes: arrayFromBase64('f64', record.ledger, devices.length * CATEGORY_COUNT),
    peakBytes: arrayFromBase64('f64', record.peak, devices.length),
    share: arrayFromBase64('f32', record.share, devices.length),
    phaseMs: arrayFromBase64('f32', record.phaseMs, PHASE_COUNT),
    droppedPairs: record.dropped,
    paddingRows: record.padding,
    emitted: record.emitted,
  };
}

function tryDecode<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
