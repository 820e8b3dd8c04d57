import { languageName, targetFor } from '../stores/run_settings.ts';
import { Choice } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

/** What a translation model translates into; other models have no such row. */
export function LanguageRow({ knobs: { model, draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  const languages = model.targetLanguages ?? [];
  const chosen = targetFor(draft.targetLanguage, model);
  if (chosen === undefined) return null;
  return (
    <Row label="Translate into" labelId="label-language" pending={isPending('targetLanguage')} says={chosen}>
      <Choice
        id="choice-language"
        labelledBy="label-language"
        value={chosen}
        options={languages.map((code) => ({ value: code, label: languageName(code), hint: code }))}
        disabled={disabled}
        onChoose={(targetLanguage) => change({ targetLanguage })}
      />
    </Row>
  );
}
