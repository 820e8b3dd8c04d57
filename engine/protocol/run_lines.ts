import { z } from 'zod';
import { EngineRefusal } from '../api.ts';
import { RUN_FORMAT, RUN_VERSION, RunHeader, RunRecord, RunSummary } from './run_file.ts';

/** The lines of a run file, each way. No files here: the window reads run files too. */

/** Raw JSON of a file of version v turned into that of version v + 1, part by part. */
export interface RunUpgrader {
  header(header: unknown): unknown;
  record(record: unknown): unknown;
  summary(summary: unknown): unknown;
}

const same = (raw: unknown): unknown => raw;

/**
 * By the version they start from. Version 1, the first, knew fewer policies and one copy of each expert: readers of it would take
 * a file with more for one that was cut off. Version 2 knew no prefetch by routers, version 3 took every miss for a load. Every file of
 * them is one of the next as it stands.
 */
export const RUN_UPGRADERS: ReadonlyMap<number, RunUpgrader> = new Map([
  [1, { header: same, record: same, summary: same }],
  [2, { header: same, record: same, summary: same }],
  [3, { header: same, record: same, summary: same }],
]);

export function headLine(exporter: string, header: RunHeader): string {
  const whole = JSON.stringify({ format: RUN_FORMAT, version: RUN_VERSION, exporter, header, records: [] });
  return `${whole.slice(0, -']}'.length)}\n`;
}

/** @param first whether it is the file's first record */
export function recordLine(record: RunRecord, first: boolean): string {
  return `${first ? '' : ','}${JSON.stringify(record)}\n`;
}

export function tailLine(summary: RunSummary): string {
  return `],${JSON.stringify({ summary, complete: true }).slice(1)}\n`;
}

const Head = z.object({ format: z.literal(RUN_FORMAT), version: z.int(), exporter: z.string(), header: z.unknown() });
const Tail = z.object({ summary: z.unknown(), complete: z.literal(true) });

export interface RunHead {
  readonly exporter: string;
  /** Version of the file; its parts come out of `parseRecord` and `parseTail` as the present one's. */
  readonly version: number;
  readonly header: RunHeader;
}

/** Parses the lines of one file. Lines come without their line feed. */
export class RunLines {
  private constructor(
    readonly head: RunHead,
    private readonly upgraders: readonly RunUpgrader[],
  ) {}

  /**
   * @param name of the file, for the refusal
   * @throws EngineRefusal where this is no run file, or one of a newer version
   */
  static open(name: string, line: string, upgraders: ReadonlyMap<number, RunUpgrader> = RUN_UPGRADERS): RunLines {
    const head = Head.safeParse(tryJson(`${line}]}`));
    if (!head.success) {
      const cut = line.startsWith(`{"format":"${RUN_FORMAT}"`);
      throw new EngineRefusal(
        cut
          ? `${name}: the run was cut off before its first step; there is nothing in it to open.`
          : `${name}: this is not a run file of MoE Studio; choose a file that it wrote.`,
      );
    }
    const { version, exporter } = head.data;
    const steps: RunUpgrader[] = [];
    for (let from = version; from < RUN_VERSION; from++) {
      const upgrader = upgraders.get(from);
      if (upgrader === undefined) {
        throw new EngineRefusal(
          `${name}: version ${version} of the run file is not known here; open it with ${exporter}.`,
        );
      }
      steps.push(upgrader);
    }
    if (version > RUN_VERSION) {
      throw new EngineRefusal(
        `${name}: ${exporter} wrote version ${version} of the run file and this studio reads up to ${RUN_VERSION}; update it to open the run.`,
      );
    }
    const header = RunHeader.safeParse(steps.reduce<unknown>((raw, step) => step.header(raw), head.data.header));
    if (!header.success) {
      const [issue] = header.error.issues;
      throw new EngineRefusal(
        `${name}: header.${issue?.path.join('.')} is not valid (${issue?.message}); the file was damaged or edited.`,
      );
    }
    return new RunLines({ exporter, version, header: header.data }, steps);
  }

  /** @returns undefined for a line that is not a whole record */
  parseRecord(line: string): RunRecord | undefined {
    const raw = tryJson(line.startsWith(',') ? line.slice(1) : line);
    if (raw === undefined) return undefined;
    const parsed = RunRecord.safeParse(this.upgraders.reduce<unknown>((record, step) => step.record(record), raw));
    return parsed.success ? parsed.data : undefined;
  }

  /** @returns undefined for a line that is not a whole tail */
  parseTail(line: string): RunSummary | undefined {
    if (!isTail(line)) return undefined;
    const tail = Tail.safeParse(tryJson(`{${line.slice('],'.length)}`));
    if (!tail.success) return undefined;
    const summary = RunSummary.safeParse(
      this.upgraders.reduce<unknown>((raw, step) => step.summary(raw), tail.data.summary),
    );
    return summary.success ? summary.data : undefined;
  }
}

export function isTail(line: string): boolean {
  return line.startsWith(']');
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
