import { useMemo } from 'react';
import type { Scored } from '../../../engine/protocol/labs.ts';
import { useSummary } from '../../app/context.tsx';
import { fixed, percent, percentText } from '../../format/numbers.ts';
import { plural } from '../../format/words.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import { LinePlot } from '../../labs/line_plot.tsx';
import { Segments } from '../../widgets/segments.tsx';
import type { Choice } from './cache_lab_view.tsx';
import { missTable, tidyTable } from './lab_tables.ts';
import { policyLines } from './policy_lines.ts';

const RULES: readonly { readonly value: Scored; readonly label: string }[] = [
  { value: 'all', label: 'All steps' },
  { value: 'decode-second-half', label: 'Second half' },
];

interface MissPanelProps {
  readonly choice: Choice;
  readonly scored: Scored;
  readonly onScored: (rule: Scored) => void;
}

/** Miss rate against size, a line a policy. */
export function MissPanel({ choice: { table, size, policy, pinSlots }, scored, onScored }: MissPanelProps) {
  const fits = useSummary((s) => s.curve?.slotsThatFit);
  const lines = useMemo(() => policyLines(table, policy), [table, policy]);
  const marks = useMemo(() => workingMarks(table.workingSet, table.slots), [table]);
  const dots = useMemo(() => measuredDots(table.inForce), [table]);
  const row = table.rows.find((candidate) => candidate.policy === policy);
  const largest = table.slots.at(-1) ?? 1;
  const isTooLarge = table.subject.source === 'live' && fits !== undefined && fits < largest;
  return (
    <LabPanel
      className="lab-panel-wide cache-lab-misses"
      title="Miss rate by cache size"
      note="% of requests, replayed"
      controls={<Segments label="Steps scored" options={RULES} value={scored} onChoose={onScored} />}
      figure={percent(row?.missRate[size] ?? 0)}
      unit={`% at ${plural(table.slots[size] ?? 0, 'slot')}`}
      table={
        <DataTable
          caption="Miss rate by cache size"
          {...missTable(table, policy)}
          markedColumn={size + 1}
          csv={tidyTable(table)}
        />
      }
    >
      <LinePlot
        label="Miss rate against cache size, a line for every policy"
        xs={table.slots}
        xScale="log"
        xUnit="slots a layer"
        lines={lines}
        formatTick={(y) => `${fixed(y * 100, 0)}%`}
        formatValue={(y) => `${percent(y)}%`}
        pinned={size}
        onPin={(index) => pinSlots(index === undefined ? undefined : table.slots[index])}
        marks={marks}
        beyond={isTooLarge ? { x: fits + 0.5, text: 'does not fit in memory' } : undefined}
        between={{ upper: policy, lower: 'min', colour: '--accent' }}
        dots={dots}
      />
    </LabPanel>
  );
}

function workingMarks(workingSet: number, slots: readonly number[]) {
  const largest = slots.at(-1) ?? 1;
  const marks = [
    { x: workingSet, text: `one step needs ${fixed(workingSet, workingSet < 9.95 ? 1 : 0).replace(/\.0$/, '')}` },
    { x: 2 * workingSet, text: 'twice that' },
  ];
  return marks.filter(({ x }) => x >= 1 && x <= largest);
}

type InForce = Choice['table']['inForce'];

const measuredDots = (inForce: InForce) =>
  inForce === undefined
    ? []
    : [
        {
          x: inForce.slots,
          y: inForce.measuredMissRate,
          text: `${percentText(inForce.measuredMissRate)} measured`,
          colour: '--m-experts',
        },
      ];
