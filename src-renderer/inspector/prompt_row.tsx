import { useState } from 'react';
import { plural } from '../format/words.ts';
import { STARTER_PROMPTS } from '../stores/run_settings.ts';
import { Choice } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

/** Sample files may not be called so: their names carry no spaces here. */
const OWN_TEXT = 'own text';

/** Where the prompts come from; own text is typed in place, one prompt a paragraph. */
export function PromptRow({ knobs: { model, draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  const { prompts } = draft;
  const own = prompts.kind === 'texts';
  const options = [
    ...(model.samples.length > 1 ? [{ value: 'mixed', label: 'Mixed', hint: 'All sample files in turn' }] : []),
    ...model.samples.map((name) => ({ value: name, label: name })),
    { value: OWN_TEXT, label: 'Own text', hint: 'Typed here' },
  ];
  return (
    <>
      <Row
        label="Prompts"
        labelId="label-prompts"
        pending={isPending('prompts')}
        says={own ? undefined : promptWords(prompts.name, model.samples.length)}
      >
        <Choice
          id="choice-prompts"
          labelledBy="label-prompts"
          value={own ? OWN_TEXT : prompts.name}
          options={options}
          disabled={disabled}
          onChoose={(name) =>
            change({
              prompts: name === OWN_TEXT ? { kind: 'texts', texts: [...STARTER_PROMPTS] } : { kind: 'sample', name },
            })
          }
        />
      </Row>
      {own && (
        <OwnText
          texts={prompts.texts}
          disabled={disabled}
          onCommit={(texts) => change({ prompts: { kind: 'texts', texts } })}
        />
      )}
    </>
  );
}

const promptWords = (name: string, samples: number) =>
  name === 'mixed' ? `All ${plural(samples, 'sample file')} in turn` : `samples/${name}.txt`;

interface OwnTextProps {
  readonly texts: readonly string[];
  readonly disabled: boolean;
  readonly onCommit: (texts: string[]) => void;
}

function OwnText({ texts, disabled, onCommit }: OwnTextProps) {
  const [draft, setDraft] = useState(texts.join('\n\n'));
  const typed = draft
    .split(/\n\s*\n/)
    .map((text) => text.trim())
    .filter((text) => text !== '');
  return (
    <label className="own-text">
      <textarea
        className="text-input mono"
        rows={4}
        value={draft}
        disabled={disabled}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => {
          if (typed.length > 0) onCommit(typed);
          else setDraft(texts.join('\n\n'));
        }}
      />
      <span className="hint">{plural(Math.max(1, typed.length), 'prompt')}; an empty line begins the next one</span>
    </label>
  );
}
