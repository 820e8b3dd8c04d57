import type { Placement } from '../balancing/placement.ts';
import { toBase64 } from '../protocol/base64.ts';
import type { RunHeader, SettingsRecord } from '../protocol/run_file.ts';
import type { EvictionName, RunSettings } from '../protocol/settings.ts';
import type { Audit, RunTotals } from '../protocol/telemetry.ts';
import { RunWriter } from '../report/run_writer.ts';
import type { Prompt } from './prompts.ts';
import type { StepRow } from './step_row.ts';

/** Writes a run's file while it runs: what happened, in order, a line each. */
export class RunRecorder {
  private constructor(
    readonly path: string,
    private readonly writer: RunWriter,
  ) {}

  static create(path: string, header: RunHeader): RunRecorder {
    return new RunRecorder(path, RunWriter.create(path, header));
  }

  settings(change: {
    atStep: number;
    atMs: number;
    label: string;
    settings: RunSettings;
    slotsPerLayer: number;
    eviction: EvictionName;
    copyAfterRows: readonly number[];
    placement?: Placement;
    lost: readonly string[];
  }): void {
    const { placement, eviction, copyAfterRows, lost, ...rest } = change;
    this.writer.append({
      t: 'settings',
      ...rest,
      ...(rest.settings.eviction === 'auto' && { eviction }),
      ...(copyAfterRows.some((rows) => rows > 0) && { copyAfterRows }),
      ...(placement && { placement: recorded(placement) }),
      ...(lost.length > 0 && { lost }),
    });
  }

  sequence(sequence: number, row: number, prompt: Prompt): void {
    this.writer.append({ t: 'sequence', sequence, row, prompt: prompt.text, tokens: toBase64(prompt.tokens) });
  }

  /** @param texts what each emission completed */
  step(row: StepRow, texts: readonly string[]): void {
    this.writer.append({
      t: 'step',
      n: row.step,
      endMs: row.endMs,
      durationMs: row.durationMs,
      stallMs: row.stallMs,
      ...(row.hiddenMs > 0 && { hiddenMs: row.hiddenMs }),
      ...((row.computeMs > 0 || row.hostBytes > 0) && { computeMs: row.computeMs, hostBytes: row.hostBytes }),
      tokens: {
        count: row.tokens,
        request: toBase64(row.request),
        position: toBase64(row.position),
        phase: toBase64(row.phase),
      },
      ids: toBase64(row.ids),
      weights: toBase64(row.weights),
      cache: toBase64(row.cache),
      ...(row.prefetches && { prefetches: toBase64(row.prefetches) }),
      ...(row.foreseen && { foreseen: toBase64(row.foreseen) }),
      ledger: toBase64(row.ledgerBytes),
      peak: toBase64(row.peakBytes),
      share: toBase64(row.share),
      phaseMs: toBase64(row.phaseMs),
      dropped: row.droppedPairs,
      padding: row.paddingRows,
      emitted: row.emissions.map(({ sequence, token, waited }, index) => [
        sequence,
        token,
        waited ? 1 : 0,
        texts[index] ?? '',
      ]),
    });
  }

  async finish(reason: string, totals: RunTotals, audit: Audit | undefined): Promise<void> {
    this.writer.append({ t: 'end', reason });
    await this.writer.finish({ totals, ...(audit && { audit }) });
  }
}

function recorded({ devices, split, layers }: Placement): NonNullable<SettingsRecord['placement']> {
  const deviceOf = toBase64(Uint8Array.from(layers.flatMap((layer) => [...layer.deviceOf])));
  const copies = layers.flatMap(({ firstCopy }) =>
    Array.from(firstCopy.subarray(1), (end, expert) => end - (firstCopy[expert] as number)),
  );
  const single = copies.every((count) => count === 1);
  return { devices, deviceOf, split, ...(!single && { copies: toBase64(Uint8Array.from(copies)) }) };
}
