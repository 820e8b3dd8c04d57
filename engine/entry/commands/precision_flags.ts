import { type Precision, PrecisionName, STORED_PRECISION } from '../../protocol/settings.ts';
import { choiceFlag, type parseFlags } from './command.ts';

/** What weights are held as, as every command that runs a model takes it. */
export const PRECISION_FLAGS = { experts: { type: 'string' }, dense: { type: 'string' } } as const;

const NAMES = PrecisionName.options.join('|');

export const PRECISION_HELP = [
  `  --experts ${NAMES}  what experts are held as (default ${STORED_PRECISION.experts}, which a CPU device holds as fp32)`,
  `  --dense ${NAMES}  the same for attention, dense and shared feed-forward and head; routers stay fp32`,
];

export function precisionFlags(values: ReturnType<typeof parseFlags>): Precision {
  return {
    experts: choiceFlag(values, 'experts', PrecisionName.options, STORED_PRECISION.experts),
    dense: choiceFlag(values, 'dense', PrecisionName.options, STORED_PRECISION.dense),
  };
}
