import type { StepPhase } from '../../engine/protocol/telemetry.ts';

/** Phases of a step as charts label them. */
export const PHASE_NAMES: Readonly<Record<StepPhase, string>> = {
  attention: 'attention',
  gate: 'gate',
  reorder: 'reorder',
  exchange: 'exchange',
  load: 'expert loads',
  experts: 'experts',
  combine: 'combine',
  head: 'head',
  other: 'other',
};

/** Phases of a step as sentences name them. */
export const PHASE_WORDS: Readonly<Record<StepPhase, string>> = {
  attention: 'attention',
  gate: 'the gate',
  reorder: 'reordering',
  exchange: 'the exchange between devices',
  load: 'waiting for expert loads',
  experts: 'the experts',
  combine: 'combining',
  head: 'the output head',
  other: 'everything else',
};
