/** Where the bars and points of the Gating lab stand. Pure: a table in, shares of a width out. */
import type { GatingRow, GatingTable, Phase } from '../../../engine/protocol/labs.ts';
import type { GatingName } from '../../../engine/protocol/settings.ts';
import { STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import { gatingTitle } from '../../stores/run_settings.ts';

export interface SlotBar {
  readonly row: GatingRow;
  /** Shares of the longest bar, 0..1. */
  readonly real: number;
  readonly padding: number;
  /** Pairs (token, expert) that the router asked for: k S, the length of a bar without padding or drops. */
  readonly asked: number;
}

/** Slots of every policy against the policy with most. */
export function slotBars(rows: readonly GatingRow[]): readonly SlotBar[] {
  const longest = Math.max(
    ...rows.map(({ slots, realRows, droppedPairs }) => Math.max(slots, realRows + droppedPairs)),
    1,
  );
  return rows.map((row) => ({
    row,
    real: row.realRows / longest,
    padding: row.paddingRows / longest,
    asked: (row.realRows + row.droppedPairs) / longest,
  }));
}

export interface PhasePart {
  readonly phase: Phase;
  readonly ms: number;
  /** Share of the longest bar, 0..1. */
  readonly width: number;
}

/** Step time of one policy by phase, in the order of a step; phases that took nothing are left out. */
export function phaseParts(row: GatingRow, longestMs: number): readonly PhasePart[] {
  return STEP_PHASES.flatMap((phase) => {
    const ms = row.phaseMs[phase];
    return ms > 0 ? [{ phase, ms, width: longestMs > 0 ? ms / longestMs : 0 }] : [];
  });
}

export const phaseTotalMs = (row: GatingRow): number => STEP_PHASES.reduce((sum, phase) => sum + row.phaseMs[phase], 0);

export interface ThroughputLine {
  readonly policy: GatingName;
  readonly title: string;
  /** By batch, as `batchesOf` lists them; null where the batch does not fit the device or was not tried. */
  readonly tokensPerSecond: readonly (number | null)[];
}

/** Throughput by policy; also of one that does not fit at the batch of the comparison and has no row there. */
export function throughputLines(table: GatingTable): readonly ThroughputLine[] {
  const batches = batchesOf(table);
  return [...new Set(table.throughput.map(({ policy }) => policy))].map((policy) => {
    const own = new Map(
      table.throughput.filter((point) => point.policy === policy).map((point) => [point.batch, point.tokensPerSecond]),
    );
    const title = table.rows.find((row) => row.policy === policy)?.title ?? gatingTitle(policy);
    return { policy, title, tokensPerSecond: batches.map((batch) => own.get(batch) ?? null) };
  });
}

/** Batches of the throughput curve, ascending, each once. */
export const batchesOf = ({ throughput }: GatingTable): readonly number[] =>
  [...new Set(throughput.map(({ batch }) => batch))].sort((a, b) => a - b);

/** Points of the quality curve, smallest capacity first. */
export const byCapacity = ({ quality }: GatingTable): GatingTable['quality'] =>
  [...quality].sort((a, b) => a.capacity - b.capacity);

/** Policies have their colours in every panel of the lab; dynamic gating, the paper's, is in the accent. */
const POLICY_VARIABLES: Readonly<Record<GatingName, string>> = {
  dynamic: '--accent',
  static: '--m-gating',
  tutel: '--m-experts',
  fastmoe: '--m-kv',
  megablocks: '--m-execution',
  'megablocks-grouped': '--p-combine',
};
export const policyVariable = (policy: GatingName): string => POLICY_VARIABLES[policy];
