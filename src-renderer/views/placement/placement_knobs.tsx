import type { PlacementTable } from '../../../engine/protocol/labs.ts';
import type { Params } from '../../../engine/protocol/messages.ts';
import { LabKnob } from '../../labs/lab_knob.tsx';
import { NumberInput } from '../../widgets/number_input.tsx';

/** What the person set; the rest follows from the source. */
export type PlacementOverrides = Partial<
  Pick<Params<'placementLab'>, 'devices' | 'redundant' | 'batchTokens' | 'slots'>
>;

interface PlacementKnobsProps {
  readonly table: PlacementTable | undefined;
  readonly devices: number;
  readonly overrides: PlacementOverrides;
  readonly onChange: (overrides: PlacementOverrides) => void;
}

/** The lab's knobs; what is not set shows what the engine took. */
export function PlacementKnobs({ table, devices, overrides, onChange }: PlacementKnobsProps) {
  const experts = table?.subject.experts ?? 0;
  const copies = Math.round(Math.max(0, ...(table?.rows ?? []).map(({ redundant }) => redundant)));
  const set = (patch: PlacementOverrides) => onChange({ ...overrides, ...patch });
  return (
    <span className="placement-knobs">
      <LabKnob label="Devices" hint="that share the experts">
        <NumberInput
          id="placement-devices"
          label="Devices that share the experts"
          value={devices}
          min={2}
          max={16}
          onCommit={(value) => set({ devices: value })}
        />
      </LabKnob>
      <LabKnob label="Redundant" hint="copies a layer beyond one of each expert">
        <NumberInput
          id="placement-redundant"
          label="Redundant experts a layer"
          value={overrides.redundant ?? copies}
          min={0}
          max={Math.max(1, experts)}
          step={devices}
          disabled={table === undefined}
          onCommit={(redundant) => set({ redundant })}
        />
      </LabKnob>
      <LabKnob label="Batch" hint="tokens joined into one batch">
        <NumberInput
          id="placement-batch"
          label="Batch, tokens"
          value={overrides.batchTokens ?? Math.round(table?.batchTokens ?? 1)}
          min={1}
          max={4096}
          disabled={table === undefined}
          onCommit={(batchTokens) => set({ batchTokens })}
        />
      </LabKnob>
      <LabKnob label="Slots" hint="of the expert cache, a layer and device">
        <NumberInput
          id="placement-slots"
          label="Cache slots a layer and device"
          value={overrides.slots ?? table?.slots ?? 1}
          min={1}
          max={Math.max(1, experts)}
          disabled={table === undefined}
          onCommit={(slots) => set({ slots })}
        />
      </LabKnob>
      {Object.keys(overrides).length > 0 && (
        <button type="button" className="button button-quiet" onClick={() => onChange({})}>
          Reset
        </button>
      )}
    </span>
  );
}
