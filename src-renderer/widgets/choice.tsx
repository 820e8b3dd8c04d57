import { Select } from '@base-ui/react/select';
import { Check, ChevronDown } from 'lucide-react';

export interface ChoiceOption<T extends string> {
  readonly value: T;
  readonly label: string;
  /** In the field, where the label is too long for it. */
  readonly short?: string;
  /** What choosing it means, in one line. */
  readonly hint?: string;
}

interface ChoiceProps<T extends string> {
  readonly id: string;
  readonly labelledBy: string;
  readonly value: T;
  readonly options: readonly ChoiceOption<T>[];
  readonly disabled?: boolean;
  readonly onChoose: (value: T) => void;
}

/** One of a few named values. */
export function Choice<T extends string>({ id, labelledBy, value, options, disabled, onChoose }: ChoiceProps<T>) {
  const items = options.map((option) => ({ value: option.value, label: option.short ?? option.label }));
  return (
    <Select.Root
      items={items}
      value={value}
      disabled={disabled}
      onValueChange={(next) => {
        if (next !== null) onChoose(next);
      }}
    >
      <Select.Trigger id={id} className="field" aria-labelledby={`${labelledBy} ${id}`}>
        <Select.Value className="field-text" />
        <ChevronDown size={14} aria-hidden />
      </Select.Trigger>
      <Select.Portal>
        <Select.Positioner className="popup-layer" sideOffset={4} alignItemWithTrigger={false} align="end">
          <Select.Popup className="popup" aria-labelledby={labelledBy}>
            {options.map((option) => (
              <Select.Item key={option.value} value={option.value} className="popup-item">
                <span>
                  <Select.ItemIndicator>
                    <Check size={14} aria-hidden />
                  </Select.ItemIndicator>
                </span>
                <Select.ItemText>{option.label}</Select.ItemText>
                {option.hint !== undefined && <span className="hint">{option.hint}</span>}
              </Select.Item>
            ))}
          </Select.Popup>
        </Select.Positioner>
      </Select.Portal>
    </Select.Root>
  );
}
