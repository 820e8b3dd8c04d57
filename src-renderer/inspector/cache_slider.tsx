import { Slider } from '@base-ui/react/slider';
import { plural } from '../format/words.ts';
import { useSettled } from '../widgets/use_settled.ts';

interface CacheSliderProps {
  readonly most: number;
  readonly value: number;
  readonly disabled: boolean;
  /** While the thumb moves, by pointer or by keys. */
  readonly onMove: (slots: number) => void;
  /** When the person has settled: the pointer was released, or the keys rest. */
  readonly onSettle: (slots: number) => void;
}

export function CacheSlider({ most, value, disabled, onMove, onSettle }: CacheSliderProps) {
  const settled = useSettled(onSettle);
  return (
    <Slider.Root
      className="slider"
      min={1}
      max={most}
      value={value}
      disabled={disabled}
      largeStep={Math.max(2, Math.round(most / 8))}
      onValueChange={(slots) => onMove(slots)}
      onValueCommitted={(slots, { reason }) => {
        if (reason === 'drag' || reason === 'track-press') settled.now(slots);
        else settled.soon(slots);
      }}
    >
      <Slider.Control className="slider-control">
        <Slider.Track className="slider-track">
          <Slider.Indicator className="slider-fill" />
          <Slider.Thumb
            className="slider-thumb"
            aria-label="Expert cache, slots per layer and device"
            getAriaValueText={(_, slots) =>
              slots === most ? `${plural(slots, 'slot')}, all experts` : plural(slots, 'slot')
            }
            onBlur={settled.flush}
          />
        </Slider.Track>
      </Slider.Control>
    </Slider.Root>
  );
}
