import { bytesText } from '../format/bytes.ts';
import { count } from '../format/numbers.ts';
import { plural } from '../format/words.ts';
import { NumberInput } from '../widgets/number_input.tsx';
import { Row } from '../widgets/row.tsx';
import { ChatRow } from './chat_row.tsx';
import { LanguageRow } from './language_row.tsx';
import { NextRunNumber } from './next_run_number.tsx';
import { PromptRow } from './prompt_row.tsx';
import { SamplingRows } from './sampling_rows.tsx';
import type { Knobs } from './use_knobs.ts';

/** What the model is given to do. */
export function WorkloadSection({ knobs }: { readonly knobs: Knobs }) {
  const { model, draft, disabled, change } = knobs;
  const longest = draft.promptTokens + draft.newTokens;
  const kvBytes = draft.batch * longest * model.deviceBytes.kvPerToken;
  const translates = model.encoderLayers !== undefined;
  const rounds = Math.ceil(draft.promptCount / draft.batch);
  return (
    <section className="section" aria-label="Workload">
      <h3 className="section-title">Workload</h3>
      <PromptRow knobs={knobs} />
      <ChatRow knobs={knobs} />
      <LanguageRow knobs={knobs} />
      <Row label="Batch" pending={knobs.isPending('batch')} says={`KV cache up to ${bytesText(kvBytes)}`}>
        <NumberInput
          id="batch"
          label="Batch, sequences in flight"
          value={draft.batch}
          min={1}
          max={256}
          disabled={disabled}
          onCommit={(batch) => change({ batch })}
        />
      </Row>
      <NextRunNumber
        knobs={knobs}
        setting="promptCount"
        label="Sequences"
        max={100_000}
        says={rounds === 1 ? 'All in flight at once' : `${plural(rounds, 'round')} of ${draft.batch}`}
      />
      <NextRunNumber
        knobs={knobs}
        setting="promptTokens"
        label={translates ? 'Source tokens' : 'Prompt tokens'}
        max={Math.max(1, model.contextTokens - 1)}
        says={translates ? 'Longer sources are cut' : 'Longer prompts are cut'}
      />
      <NextRunNumber
        knobs={knobs}
        setting="newTokens"
        label="New tokens"
        max={Math.max(1, model.contextTokens - 1)}
        says={
          longest > model.contextTokens && !translates
            ? `Context ends at ${count(model.contextTokens)}`
            : `Up to ${count(draft.promptCount * draft.newTokens)} in all`
        }
      />
      <SamplingRows knobs={knobs} />
    </section>
  );
}
