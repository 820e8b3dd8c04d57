import { NumberField } from '@base-ui/react/number-field';
import { Minus, Plus } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useSettled } from './use_settled.ts';

interface NumberInputProps {
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly disabled?: boolean;
  /** Called once per finished edit: typing ends with Enter or by leaving the field, keys and buttons when they rest. */
  readonly onCommit: (value: number) => void;
}

/** A number that takes effect when the edit is finished, so that typing 256 is one change and not three. */
export function NumberInput({ id, label, value, min, max, step = 1, disabled, onCommit }: NumberInputProps) {
  const [shown, setShown] = useState<number | null>(value);
  useEffect(() => setShown(value), [value]);
  const settled = useSettled((next: number | null) => {
    if (next === null) setShown(value);
    else if (next !== value) onCommit(next);
  });
  return (
    <NumberField.Root
      id={id}
      value={shown}
      min={min}
      max={max}
      step={step}
      disabled={disabled}
      format={{ maximumFractionDigits: 2, useGrouping: false }}
      locale="en"
      onValueChange={setShown}
      onValueCommitted={(next, { reason }) => {
        if (reason === 'input-blur' || reason === 'input-clear') settled.now(next);
        else settled.soon(next);
      }}
    >
      <NumberField.Group className="number">
        <NumberField.Input
          aria-label={label}
          onBlur={settled.flush}
          onKeyDown={(event) => {
            if (event.key === 'Enter') settled.now(shown);
          }}
        />
        <NumberField.Decrement aria-label={`Less: ${label}`}>
          <Minus size={12} aria-hidden />
        </NumberField.Decrement>
        <NumberField.Increment aria-label={`More: ${label}`}>
          <Plus size={12} aria-hidden />
        </NumberField.Increment>
      </NumberField.Group>
    </NumberField.Root>
  );
}
