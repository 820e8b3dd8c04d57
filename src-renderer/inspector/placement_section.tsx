import { PlacementName, type RunSettings } from '../../engine/protocol/settings.ts';
import { useSession, useStudio, useSummary } from '../app/context.tsx';
import { devicesText } from '../devices/device_choice.ts';
import { percentText } from '../format/numbers.ts';
import { expertsPerDevice, placementTitle, rebalanceText, shortTitle } from '../stores/run_settings.ts';
import { Choice, type ChoiceOption } from '../widgets/choice.tsx';
import { Row } from '../widgets/row.tsx';
import type { Knobs } from './use_knobs.ts';

const HINTS: Readonly<Record<PlacementName, string>> = {
  contiguous: 'Neighbouring experts on one device, as stored',
  greedy: 'The busiest experts first, each to the least loaded device',
  'anti-correlation': 'Greedy, and experts busy together apart: the paper, nearly all correlation',
  'anti-correlation-scaled': 'The same with the correlation on the scale of the loads',
  covariance: 'Experts swapped until loads and their swings together are least',
  eplb: "DeepSeek's balancer, one copy of each expert",
  replicated: 'EPLB with copies of busy experts, each taking an equal part: an eighth more memory',
  levelled: 'The same copies, each row to the least loaded: an eighth more memory',
};

/** What it does to this run. */
const SAYS: Readonly<Record<PlacementName, string>> = {
  contiguous: 'As stored, never moves',
  greedy: 'Evens mean loads',
  'anti-correlation': 'Parts what is busy together',
  'anti-correlation-scaled': 'Evens loads, parts bursts',
  covariance: 'Evens loads and bursts',
  eplb: 'Evens tokens in all',
  replicated: 'An eighth more experts held',
  levelled: 'More held, loads most even',
};

const STRATEGIES: readonly ChoiceOption<PlacementName>[] = PlacementName.options.map((value) => ({
  value,
  label: placementTitle(value),
  short: shortTitle(value),
  hint: HINTS[value],
}));

const INTERVALS = [0, 32, 128, 512, 2048];

/** Devices and which expert lives where. */
export function PlacementSection({ knobs: { model, draft, disabled, isPending, change } }: { readonly knobs: Knobs }) {
  const { dialogs } = useStudio();
  const devices = useSession((s) => s.devices).filter(({ provider }) => provider === 'cpu');
  const run = useSession((s) => s.snapshot.run);
  const maxShare = useSummary((s) => s.maxShare);
  const count = draft.devices.length;
  const most = expertsPerDevice(model, draft);
  const even = 1 / (run === undefined ? count : run.settings.devices.length - run.lost.length);
  const text = devicesText(draft.devices);
  const words = devices.map((_, i) => `${i + 1} × CPU`);
  return (
    <section className="section" aria-label="Placement">
      <h3 className="section-title">Placement</h3>
      <Row
        label="Devices"
        labelId="label-devices"
        pending={isPending('devices')}
        says={
          <>
            {`${most} experts a layer${count === 1 ? '' : ' each'}, `}
            <button
              type="button"
              className="button button-link"
              disabled={devices.length === 0}
              onClick={() => dialogs.setState({ open: 'devices' })}
            >
              all devices…
            </button>
          </>
        }
      >
        <Choice
          id="choice-devices"
          labelledBy="label-devices"
          value={text}
          disabled={disabled || devices.length === 0}
          options={[...new Set([...words, text])].map((label) => ({
            value: label,
            label,
            hint: run === undefined ? undefined : 'Applies to the next run',
          }))}
          onChoose={(label) => {
            const cpus = words.indexOf(label) + 1;
            if (cpus > 0) change({ devices: devices.slice(0, cpus).map(({ id }) => ({ id })) });
          }}
        />
      </Row>
      <Row
        label="Strategy"
        labelId="label-placement"
        says={count === 1 ? 'Same with one device' : SAYS[draft.placement]}
      >
        <Choice
          id="choice-placement"
          labelledBy="label-placement"
          value={draft.placement}
          options={STRATEGIES}
          disabled={disabled}
          onChoose={(placement) => change({ placement })}
        />
      </Row>
      <Row label="Re-balance" labelId="label-rebalance" says={rebalanceSays(draft, count)}>
        <Choice
          id="choice-rebalance"
          labelledBy="label-rebalance"
          value={String(draft.rebalanceEvery)}
          options={[...new Set([...INTERVALS, draft.rebalanceEvery])].map((every) => ({
            value: String(every),
            label: rebalanceText(every),
            hint: every === 0 ? 'Placed once there is a history' : undefined,
          }))}
          disabled={disabled}
          onChoose={(value) => change({ rebalanceEvery: Number(value) })}
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

function rebalanceSays({ placement, rebalanceEvery }: RunSettings, devices: number): string {
  if (devices === 1) return 'Same with one device';
  if (placement === 'contiguous') return 'Contiguous never moves';
  return rebalanceEvery === 0 ? 'Placed once, after 32 steps' : 'Moved experts load again';
}
