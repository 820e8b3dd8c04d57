import { Choice } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

const OPTIONS = [
  { value: 'text', label: 'Text', hint: 'The model goes on writing it' },
  { value: 'chat', label: 'Chat', hint: "A message in the model's chat template, which it answers" },
] as const;

/** For models that come with a chat template. */
export function ChatRow({ knobs: { model, draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  if (model.chat !== true) return null;
  const value = draft.chat ? 'chat' : 'text';
  return (
    <Row
      label="Given as"
      labelId="label-chat"
      pending={isPending('chat')}
      says={draft.chat ? 'A message that the model answers' : 'Text that the model continues'}
    >
      <Choice
        id="choice-chat"
        labelledBy="label-chat"
        value={value}
        options={OPTIONS}
        disabled={disabled}
        onChoose={(choice) => change({ chat: choice === 'chat' })}
      />
    </Row>
  );
}
