import { useMemo } from 'react';
import type { LabSubject } from '../../../engine/protocol/labs.ts';
import { LinkName, whatIfLink } from '../../../engine/protocol/links.ts';
import { byteScale } from '../../charts/axis_scale.ts';
import { bytesPer, bytesText, byteUnit } from '../../format/bytes.ts';
import { count, percentText, plain } from '../../format/numbers.ts';
import { msText, scaleMs } from '../../format/time.ts';
import { plural } from '../../format/words.ts';
import { LabPanel } from '../../labs/lab_panel.tsx';
import { LinePlot, type PlotLine } from '../../labs/line_plot.tsx';
import { Choice as Select } from '../../widgets/choice.tsx';
import type { Choice } from './cache_lab_view.tsx';
import { costAt, minRow } from './losses.ts';

/** What a size costs in time and in memory: projected from what a load took in this run, or would take over another link. */
export function CostPanel({ choice }: { readonly choice: Choice }) {
  const { table, size, policy, link, pinSlots, chooseLink } = choice;
  const row = table.rows.find((candidate) => candidate.policy === policy);
  const drawn = useMemo(() => {
    const least = minRow(table);
    if (row === undefined || table.cost === undefined) return undefined;
    const time = (of: typeof row) => table.slots.map((_, i) => costAt(table, of, i)?.stepMs ?? null);
    const speed: PlotLine[] = [{ id: policy, title: 'time', colour: '--accent', y: time(row), isMain: true }];
    if (least !== undefined && policy !== 'min')
      speed.push({ id: 'min', title: 'MIN', colour: '--dim', y: time(least), isDashed: true });
    const memory: PlotLine[] = [
      {
        id: 'memory',
        title: 'memory',
        colour: '--m-experts',
        y: table.slots.map((_, i) => costAt(table, row, i)?.bytes ?? null),
        isMain: true,
      },
    ];
    return { speed, memory };
  }, [table, row, policy]);
  const cost = row === undefined ? undefined : costAt(table, row, size);
  const step = cost === undefined ? undefined : scaleMs(cost.stepMs);
  const onPin = (index: number | undefined) => pinSlots(index === undefined ? undefined : table.slots[index]);
  const unit = byteUnit(drawn?.memory[0]?.y.at(-1) ?? 1);
  return (
    <LabPanel
      title="Time and memory"
      note="projected"
      readout={table.cost && <LinkChoice link={link} onChoose={chooseLink} />}
      figure={step?.value}
      unit={step === undefined ? undefined : `${step.unit} a step`}
      missing={drawn === undefined ? missingBecause(table.subject.source) : undefined}
      says={nextSays(table, row, size)}
    >
      {drawn !== undefined && (
        <div className="cost-plots">
          <LinePlot
            label="Projected time of a step against cache size"
            xs={table.slots}
            xScale="log"
            xUnit="slots"
            lines={drawn.speed}
            formatTick={timeTick}
            labelRoom={LABEL_ROOM}
            formatValue={msText}
            pinned={size}
            onPin={onPin}
          />
          <LinePlot
            label="Memory of a device against cache size"
            xs={table.slots}
            xScale="log"
            xUnit="slots"
            lines={drawn.memory}
            formatTick={(y, { max }) => `${count(y / bytesPer(unit))}${y === max ? ` ${unit}` : ''}`}
            labelRoom={LABEL_ROOM}
            formatValue={bytesText}
            yAxis={bytesAxis(Math.max(...(drawn.memory[0]?.y ?? []).map((y) => y ?? 0)))}
            pinned={size}
            onPin={onPin}
          />
        </div>
      )}
    </LabPanel>
  );
}

const LINKS = [
  { value: 'measured', label: 'as measured', hint: 'What a load took in this run' },
  ...LinkName.options.map((value) => ({
    value,
    label: `over ${whatIfLink(value).name}`,
    hint: 'Projected: what if experts came over it',
  })),
] as const;

function LinkChoice({
  link,
  onChoose,
}: {
  readonly link: LinkName | undefined;
  readonly onChoose: Choice['chooseLink'];
}) {
  return (
    <span className="cost-link">
      <span id="label-link">Experts come</span>
      <Select
        id="choice-link"
        labelledBy="label-link"
        value={link ?? 'measured'}
        options={LINKS}
        onChoose={(value) => onChoose(value === 'measured' ? undefined : value)}
      />
    </span>
  );
}

/** For "memory", "1,023 MiB" and "256 MiB": both plots leave the same, so that their sizes stand above each other. */
const LABEL_ROOM = { name: 46, value: 58, ticks: 46 };

const missingBecause = (source: LabSubject['source']): string =>
  source === 'trace'
    ? 'A routing trace does not say what a load or a step takes, nor how large an expert is. A recorded run does.'
    : 'Too few experts were loaded in this run to say what a load takes: run it with a smaller cache for a while.';

/** In the unit of the axis' end, which is named there: 2 s, 1.5, 1. */
function timeTick(ms: number, { max }: { readonly max: number }): string {
  const { unit } = scaleMs(max);
  const value = unit === 's' ? ms / 1000 : unit === 'ms' ? ms : ms * 1000;
  return `${plain(value)}${ms === max ? ` ${unit}` : ''}`;
}

/** Lines at whole powers of two of the unit. */
function bytesAxis(highest: number) {
  const { max, interval } = byteScale(highest, 3);
  return { max, ticks: Array.from({ length: Math.round(max / interval) + 1 }, (_, i) => i * interval) };
}

/** What the next larger size would win and cost. */
function nextSays(table: Choice['table'], row: Choice['table']['rows'][number] | undefined, size: number) {
  if (row === undefined) return undefined;
  const now = costAt(table, row, size);
  const next = costAt(table, row, size + 1);
  const slots = table.slots[size + 1];
  if (now === undefined) return undefined;
  if (next === undefined || slots === undefined) return 'Every expert is resident at this size.';
  const saved = now.stepMs === 0 ? 0 : 1 - next.stepMs / now.stepMs;
  return `${plural(slots, 'slot')} instead: ${percentText(saved)} less time a step for ${bytesText(next.bytes - now.bytes)} more a device.`;
}
