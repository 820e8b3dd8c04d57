import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { NextRunNumber } from './next_run_number.tsx';
import { samplingSays } from './sampling_words.ts';
import type { Knobs } from './use_knobs.ts';

/** How the next token is chosen. What has no effect on the likeliest token alone is not shown beside temperature 0. */
export function SamplingRows({ knobs }: { readonly knobs: Knobs }) {
  const { model, draft } = knobs;
  const says = samplingSays(draft, model.sampling);
  return (
    <>
      <NextRunNumber
        knobs={knobs}
        setting="temperature"
        label="Temperature"
        min={0}
        max={5}
        step={0.1}
        says={says.temperature}
      />
      {draft.temperature > 0 && (
        <>
          <NextRunNumber knobs={knobs} setting="topK" label="Top-k" min={0} max={model.vocabSize} says={says.topK} />
          <NextRunNumber knobs={knobs} setting="topP" label="Top-p" min={0.01} max={1} step={0.05} says={says.topP} />
        </>
      )}
      {(draft.repetitionPenalty !== DEFAULT_RUN.repetitionPenalty || model.sampling !== undefined) && (
        <NextRunNumber
          knobs={knobs}
          setting="repetitionPenalty"
          label="Repetition penalty"
          min={0.1}
          max={10}
          step={0.05}
          says={says.repetitionPenalty}
        />
      )}
      <NextRunNumber knobs={knobs} setting="seed" label="Seed" min={0} max={0xffff_ffff} />
    </>
  );
}
