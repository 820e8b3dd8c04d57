import type { ExpertLife, ExpertsMap } from '../../../engine/protocol/labs.ts';
import { count } from '../../format/numbers.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import type { Lab } from '../../labs/use_lab.ts';
import { layerTitle, lifeSays } from './expert_figures.ts';
import { lifeTable } from './expert_tables.ts';
import type { Opened } from './experts_view.tsx';
import { LifeChart } from './life_chart.tsx';

interface LifePanelProps {
  readonly map: ExpertsMap;
  readonly opened: Opened;
  readonly life: Lab<ExpertLife>;
}

/** One expert: when it was asked for, when it was loaded and when it had to go. */
export function LifePanel({ map, opened, life }: LifePanelProps) {
  const shown = life.result;
  const expert = shown?.expert;
  const title = `Expert ${opened.expert}`;
  const note = layerTitle(map, opened.layer).toLowerCase();
  if (shown === undefined || expert === undefined) {
    return (
      <LabPanel title={title} note={note}>
        <div className="panel-empty" role="status">
          {life.error ?? 'Reading its life…'}
        </div>
      </LabPanel>
    );
  }
  return (
    <LabPanel
      title={`Expert ${expert.id}`}
      note={note}
      figure={count(expert.loads)}
      unit={expert.loads === 1 ? 'load' : 'loads'}
      says={lifeSays(shown)}
      table={<DataTable caption={`Life of expert ${expert.id}`} {...lifeTable(shown)} />}
    >
      <LifeChart life={shown} expert={expert} />
    </LabPanel>
  );
}
