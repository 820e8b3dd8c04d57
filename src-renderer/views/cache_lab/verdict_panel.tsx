import type { CacheRow } from '../../../engine/protocol/labs.ts';
import { whatIfLink } from '../../../engine/protocol/links.ts';
import type { EvictionName } from '../../../engine/protocol/settings.ts';
import { useSession, useStudio } from '../../app/context.tsx';
import { bytesText } from '../../format/bytes.ts';
import { count, fixed, percentText, speed, tile } from '../../format/numbers.ts';
import { plural } from '../../format/words.ts';
import { LabPanel } from '../../labs/lab_panel.tsx';
import { slotsAt } from '../../stores/run_settings.ts';
import type { Choice } from './cache_lab_view.tsx';
import { costAt, gainsAt } from './losses.ts';

/** The answer in words, the figures at the pinned size, and the way to try it. */
export function VerdictPanel({ choice }: { readonly choice: Choice }) {
  const { table, size, policy, link } = choice;
  const row = table.rows.find((candidate) => candidate.policy === policy);
  if (row === undefined) return null;
  const slots = table.slots[size] ?? 0;
  const cost = costAt(table, row, size);
  return (
    <LabPanel className="cache-lab-verdict" title="Verdict" note={`${row.title}, ${plural(slots, 'slot')}`}>
      <div aria-live="polite">
        <p className="cache-lab-words">{withoutFigures(row.verdict[size] ?? '')}</p>
        <p className="cache-lab-detail">{gainsSay(table, row, size)}</p>
      </div>
      <dl className="cache-lab-figures">
        <Figure
          name="Slots per layer and device"
          value={count(slots)}
          note={`of ${count(table.slots.at(-1) ?? slots)}`}
        />
        <Figure name="Experts one step needs" value={tile(table.workingSet).replace(/\.0+$/, '')} note="a layer" />
        <Figure name="Miss rate" value={percentText(row.missRate[size] ?? 0)} note="replayed" />
        <Figure name="Loads a step" value={tile(row.missesPerStep[size] ?? 0)} note="slowest device" />
        {cost !== undefined && (
          <>
            <Figure
              name="Speed"
              value={`${speed(cost.tokensPerSecond)} tok/s`}
              note={`projected${link === undefined ? '' : `, ${whatIfLink(link).name}`}`}
            />
            <Figure name="Memory" value={bytesText(cost.bytes)} note="a device" />
          </>
        )}
        <Figure
          name="Scored"
          value={`${count(table.scored.accesses)} requests`}
          note={`in ${plural(table.scored.steps, 'step')}`}
        />
      </dl>
      <Apply choice={choice} title={row.title} slots={slots} />
    </LabPanel>
  );
}

function Figure({ name, value, note }: { readonly name: string; readonly value: string; readonly note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} <span className="hint">{note}</span>
      </dd>
    </div>
  );
}

interface ApplyProps {
  readonly choice: Choice;
  readonly title: string;
  readonly slots: number;
}

/** Puts the pinned size and the chosen policy into the live run, or says why it cannot. */
function Apply({ choice: { table, policy }, title, slots }: ApplyProps) {
  const { actions, notices } = useStudio();
  const usable = useSession((s) => s.writer && s.host.kind === 'running');
  const run = useSession((s) => s.snapshot.run);
  const isSameScope = run?.settings.cacheScope === table.scope;
  const isInForce = isSameScope && run.slotsPerLayer === slots && run.settings.eviction === policy;
  const reason =
    table.subject.source !== 'live'
      ? 'A size can be tried in the run of this studio: choose "This run" as the source.'
      : policy === 'min'
        ? 'MIN needs the future and cannot run: choose another policy.'
        : usable
          ? undefined
          : 'This window cannot change the run now.';
  const apply = () => {
    const most = run?.expertsPerDevice ?? slots + 1;
    actions
      .change({
        cacheSlots: slotsAt(slots, most),
        eviction: policy as EvictionName,
        ...(!isSameScope && { cacheScope: table.scope }),
      })
      .catch((error: Error) => notices.notify({ kind: 'error', title: error.message }));
  };
  return (
    <div className="cache-lab-apply">
      <button
        type="button"
        className="button button-main"
        disabled={reason !== undefined || isInForce}
        aria-describedby="cache-lab-apply-reason"
        onClick={apply}
      >
        Use {plural(slots, 'slot')} with {title}
      </button>
      <span className="hint" id="cache-lab-apply-reason">
        {reason ?? (isInForce ? 'In force in this run.' : 'Takes effect at the next step, and can be undone.')}
      </span>
    </div>
  );
}

/** What would help: another policy at this size, or the next size under this policy. */
function gainsSay(table: Choice['table'], row: CacheRow, size: number): string {
  const gains = gainsAt(table, row, size);
  if (gains === undefined) return '';
  const points = (share: number) => `${fixed(share * 100, 1)} points`;
  const { best, byPolicy, bySize } = gains;
  const policy =
    row.policy === 'min'
      ? `${best.title} comes nearest of those that can run`
      : byPolicy < 0.0005
        ? 'No policy that can run misses less here'
        : `${best.title} would win ${points(byPolicy)}`;
  return bySize === undefined
    ? `${policy}.`
    : `${policy}; the next size, ${plural(bySize.slots, 'slot')}, ${points(bySize.share)}.`;
}

/** The verdict's sentence without the figures that it ends with in brackets: the panel below draws them. */
const withoutFigures = (verdict: string): string => verdict.replace(/ \([^)]*\)\.?$/, '.');
