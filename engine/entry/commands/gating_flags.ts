import { Capacity, DEFAULT_RUN, GatingName, type GatingSettings, TutelFactor } from '../../protocol/settings.ts';
import { choiceFlag, numberFlag, type parseFlags } from './command.ts';

/** How tokens are gated, as every command that runs a model takes it. */
export const GATING_FLAGS = {
  gating: { type: 'string' },
  capacity: { type: 'string' },
  'tutel-factor': { type: 'string' },
} as const;

export const GATING_HELP = [
  `  --gating ${GatingName.options.join('|')}  (default ${DEFAULT_RUN.gating})`,
  `  --capacity C                with static: share of a step's tokens that an expert has room for (default ${DEFAULT_RUN.capacity})`,
  `  --tutel-factor F            with tutel: above 0 of an even share, 0 the busiest expert's rows, below 0 the smaller (default ${DEFAULT_RUN.tutelFactor})`,
];

export function gatingFlags(values: ReturnType<typeof parseFlags>): GatingSettings {
  return {
    gating: choiceFlag(values, 'gating', GatingName.options, DEFAULT_RUN.gating),
    capacity: numberFlag(values, 'capacity', Capacity, 'a number above 0 and at most 1', DEFAULT_RUN.capacity),
    tutelFactor: numberFlag(values, 'tutel-factor', TutelFactor, 'a number from -16 to 16', DEFAULT_RUN.tutelFactor),
  };
}
