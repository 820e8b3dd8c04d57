import type { PlacementName } from '../../engine/protocol/settings.ts';
import { useSession, useSummary } from '../app/context.tsx';
import { bytesText } from '../format/bytes.ts';
import { percentText } from '../format/numbers.ts';
import { expertsPerDevice } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

const STRATEGIES: readonly ChoiceOption<PlacementName>[] = [
  { value: 'contiguous', label: 'Contiguous', hint: 'Neighbouring experts on one device, as stored' },
  { value: 'greedy', label: 'Greedy', hint: 'The busiest experts first, each to the least loaded device' },
];

/** Devices and which expert lives where. */
export function PlacementSection({ knobs: { model, draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  const devices = useSession((s) => s.devices);
  const run = useSession((s) => s.snapshot.run);
  const maxShare = useSummary((s) => s.maxShare);
  const count = draft.devices.length;
  const most = expertsPerDevice(model, count);
  const budget = devices[0]?.defaultBudgetBytes;
  const even = 1 / (run?.settings.devices.length ?? count);
  return (
    <section className="section" aria-label="Placement">
      <h3 className="section-title">Placement</h3>
      <Row
        label="Devices"
        labelId="label-devices"
        pending={isPending('devices')}
        says={`${most} experts a layer${budget === undefined ? '' : `, ${bytesText(budget)}`}${count === 1 ? '' : ' each'}`}
      >
        <Choice
          id="choice-devices"
          labelledBy="label-devices"
          value={String(count)}
          disabled={disabled || devices.length === 0}
          options={devices.map((_, i) => ({
            value: String(i + 1),
            label: `${i + 1} × CPU`,
            hint: run === undefined ? undefined : 'Applies to the next run',
          }))}
          onChoose={(value) => change({ devices: devices.slice(0, Number(value)).map(({ id }) => ({ id })) })}
        />
      </Row>
      <Row label="Strategy" labelId="label-placement" says={count === 1 ? 'Same with one device' : undefined}>
        <Choice
          id="choice-placement"
          labelledBy="label-placement"
          value={draft.placement}
          options={STRATEGIES}
          disabled={disabled}
          onChoose={(placement) => change({ placement })}
        />
      </Row>
      {maxShare !== undefined && even < 1 && (
        <Row label="Busiest device">
          <span>
            {percentText(maxShare)} <span className="hint">even {percentText(even)}</span>
          </span>
        </Row>
      )}
    </section>
  );
}
