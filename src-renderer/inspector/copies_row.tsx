import type { CopyAfterRows } from '../../engine/protocol/settings.ts';
import { useSession, useSummary } from '../app/context.tsx';
import { COPY_LIMITS, copyLimitTitle } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import { copiesSays } from './copies_words.ts';
import type { Knobs } from './use_knobs.ts';

const HINTS: ReadonlyMap<CopyAfterRows, string> = new Map<CopyAfterRows, string>([
  [0, 'A missing expert is loaded into a slot when a step needs it'],
  ['auto', 'After as many rows as a copy costs, both measured here'],
  [1, 'Until then the processor computes its rows, and nothing is given up for it'],
]);

/** Copy or compute: what becomes of an expert that a step needs and the device does not hold. */
export function CopiesRow({ knobs: { draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  const totals = useSummary((s) => s.computed);
  const run = useSession((s) => s.snapshot.run);
  // Whatever the command line or a recorded run chose is among the options too.
  const limits = COPY_LIMITS.includes(draft.copyAfterRows) ? COPY_LIMITS : [...COPY_LIMITS, draft.copyAfterRows];
  const options = limits.map((rows): ChoiceOption<string> => {
    const hint = HINTS.get(rows);
    return { value: String(rows), label: copyLimitTitle(rows), ...(hint && { hint }) };
  });
  return (
    <Row
      label="Missing experts"
      labelId="label-copies"
      pending={isPending('copyAfterRows')}
      says={copiesSays(draft, run, totals)}
    >
      <Choice
        id="choice-copies"
        labelledBy="label-copies"
        value={String(draft.copyAfterRows)}
        options={options}
        disabled={disabled}
        onChoose={(chosen) => change({ copyAfterRows: chosen === 'auto' ? 'auto' : Number(chosen) })}
      />
    </Row>
  );
}
