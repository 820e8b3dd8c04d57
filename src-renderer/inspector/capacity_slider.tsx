import { Slider } from '@base-ui/react/slider';
import { plain } from '../format/numbers.ts';
import { useSettled } from '../widgets/use_settled.ts';

interface CapacitySliderProps {
  readonly value: number;
  readonly disabled: boolean;
  /** While the thumb moves, by pointer or by keys. */
  readonly onMove: (capacity: number) => void;
  /** When the person has settled: the pointer was released, or the keys rest. */
  readonly onSettle: (capacity: number) => void;
}

const HUNDREDTHS = 100;

/** Capacity fraction of static gating, in hundredths. */
export function CapacitySlider({ value, disabled, onMove, onSettle }: CapacitySliderProps) {
  const settled = useSettled((hundredths: number) => onSettle(hundredths / HUNDREDTHS));
  return (
    <Slider.Root
      className="slider"
      min={1}
      max={HUNDREDTHS}
      value={Math.max(1, Math.round(value * HUNDREDTHS))}
      disabled={disabled}
      largeStep={10}
      onValueChange={(hundredths) => onMove(hundredths / HUNDREDTHS)}
      onValueCommitted={(hundredths, { reason }) => {
        if (reason === 'drag' || reason === 'track-press') settled.now(hundredths);
        else settled.soon(hundredths);
      }}
    >
      <Slider.Control className="slider-control">
        <Slider.Track className="slider-track">
          <Slider.Indicator className="slider-fill" />
          <Slider.Thumb
            className="slider-thumb"
            aria-label="Capacity fraction of static gating"
            getAriaValueText={(_, hundredths) => `${plain(hundredths / HUNDREDTHS)} of a step's tokens`}
            onBlur={settled.flush}
          />
        </Slider.Track>
      </Slider.Control>
    </Slider.Root>
  );
}
