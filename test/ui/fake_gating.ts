import type { GatingRow, GatingTable, Phase } from '../../engine/protocol/labs.ts';
import type { Params } from '../../engine/protocol/messages.ts';
import type { GatingName } from '../../engine/protocol/settings.ts';
import { STEP_PHASES } from '../../engine/protocol/telemetry.ts';

const MIB = 2 ** 20;
const EXPERTS = 64;
const TOP_K = 4;
const ROW_BYTES = 192 * 4;
const BLOCK = 128;

const TITLES: Readonly<Record<GatingName, string>> = {
  static: 'Static',
  tutel: 'Tutel',
  fastmoe: 'FastMoE',
  megablocks: 'MegaBlocks',
  'megablocks-grouped': 'MegaBlocks, grouped',
  dynamic: 'Dynamic',
};
const ORDER: readonly GatingName[] = ['static', 'tutel', 'fastmoe', 'megablocks', 'megablocks-grouped', 'dynamic'];

/** Made-up figures in the proportions of the paper's formulas: static E C S slots, Tutel E times the busiest, MegaBlocks whole blocks. */
export function fakeGating({ capacity, tutelFactor, batch, batches, capacities }: Params<'gatingLab'>): GatingTable {
  const tokens = batch * 4;
  return {
    model: 'demo-lm',
    how: 'measured',
    capacity,
    tutelFactor,
    tokensPerStep: tokens,
    rows: ORDER.map((policy) => row(policy, tokens, capacity)),
    throughput: ORDER.flatMap((policy) =>
      batches.map((size) => {
        const { stepMs } = row(policy, size * 4, capacity);
        const fits = policy !== 'static' || size < 16;
        return { policy, batch: size, tokensPerSecond: fits ? (size * 1000) / stepMs : null };
      }),
    ),
    quality: capacities.map((c) => {
      const droppedShare = dropped(c);
      return { capacity: c, perplexity: 17.8 * (1 + 6 * droppedShare ** 2), droppedShare };
    }),
    warnings: [],
  };
}

const dropped = (capacity: number) => Math.max(0, 0.62 - Math.sqrt(capacity) * 0.9);

function row(policy: GatingName, tokens: number, capacity: number): GatingRow {
  const asked = tokens * TOP_K;
  const droppedPairs = policy === 'static' ? asked * dropped(capacity) : 0;
  const realRows = asked - droppedPairs;
  const slots = {
    static: EXPERTS * Math.ceil(capacity * tokens),
    tutel: EXPERTS * Math.ceil((asked / EXPERTS) * 3),
    fastmoe: realRows,
    megablocks: 51 * BLOCK,
    'megablocks-grouped': realRows,
    dynamic: realRows,
  }[policy];
  const phases: Record<Phase, number> = {
    attention: 2.1,
    gate: 0.3 + (policy === 'static' ? slots * 0.004 : 0),
    reorder: 0.1 + slots * 0.0006,
    exchange: 0.2 + slots * 0.0004,
    load: 0,
    experts: 1.2 + slots * 0.003,
    combine: 0.1 + slots * 0.0003,
    head: 1.4,
    other: 0.2,
  };
  const stepMs = STEP_PHASES.reduce((sum, phase) => sum + phases[phase], 0);
  const activationBytes = slots * ROW_BYTES * 3;
  return {
    policy,
    title: TITLES[policy],
    slots,
    realRows,
    paddingRows: slots - realRows,
    droppedPairs,
    wasteFactor: slots / asked,
    exchangedBytes: 2 * slots * ROW_BYTES,
    stepMs,
    phaseMs: phases,
    tokensPerSecond: (tokens * 1000) / stepMs,
    peakBytes: 74 * MIB + activationBytes,
    activationBytes,
  };
}
