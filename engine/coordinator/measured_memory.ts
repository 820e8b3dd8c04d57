import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../protocol/telemetry.ts';

/** One device's ledger, estimated from headers and settings beside measured at its highest. Bytes. */
export interface DeviceMemory {
  readonly estimated: Readonly<Record<string, number>>;
  readonly measured: Readonly<Record<string, number>>;
  readonly estimatedTotal: number;
  readonly measuredTotal: number;
  /** Measured against estimated: -0.02 is 2% less. */
  readonly difference: number;
}
export type MemoryCheck = readonly DeviceMemory[];

const EXECUTION = LEDGER_CATEGORIES.indexOf('expertExecution');
const GATING = LEDGER_CATEGORIES.indexOf('gatingReorder');

/** The step at which each device held most, with what it held then. */
export class MeasuredMemory {
  private peaks: { total: number; ledger: Float64Array }[] = [];

  /** @param ledgerBytes at the end of a step [D, CATEGORY_COUNT]; @param peakBytes highest within it [D] */
  add(ledgerBytes: Float64Array, peakBytes: Float64Array): void {
    for (const [device, total] of peakBytes.entries()) {
      const known = this.peaks[device];
      if (known !== undefined && known.total >= total) continue;
      this.peaks[device] = { total, ledger: ledgerBytes.slice(device * CATEGORY_COUNT, (device + 1) * CATEGORY_COUNT) };
    }
  }

  /** @param expected by category, of each device */
  against(expected: readonly number[]): MemoryCheck {
    return this.peaks.map(({ total, ledger }) => {
      const estimatedTotal = sum(expected);
      return {
        estimated: named(expected),
        measured: named(withSteps(total, ledger)),
        estimatedTotal,
        measuredTotal: total,
        difference: total / estimatedTotal - 1,
      };
    });
  }
}

/** What a step gave up again before its end was held by its buffers: gating's and the experts' execution, told as one. */
function withSteps(total: number, ledger: Float64Array): number[] {
  const lines = Array.from(ledger);
  lines[EXECUTION] = (lines[EXECUTION] ?? 0) + total - sum(lines);
  return lines;
}

function named(bytes: readonly number[]): Record<string, number> {
  const lines: [string, number][] = LEDGER_CATEGORIES.map((category, index) => [category, bytes[index] ?? 0]);
  const others = lines.filter((_, index) => index !== EXECUTION && index !== GATING);
  return Object.fromEntries([...others, ['stepBuffers', (bytes[GATING] ?? 0) + (bytes[EXECUTION] ?? 0)]]);
}

const sum = (bytes: readonly number[]) => bytes.reduce((total, value) => total + value, 0);
