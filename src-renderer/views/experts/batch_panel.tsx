import { useCallback, useMemo } from 'react';
import type { ExpertLife, ExpertsMap } from '../../../engine/protocol/labs.ts';
import { useStudio } from '../../app/context.tsx';
import { themeNow } from '../../charts/chart_theme.ts';
import { colourIndex, colourTable } from '../../charts/colour_map.ts';
import { HeatMap } from '../../charts/heat_map.tsx';
import { count, fixed, percentText } from '../../format/numbers.ts';
import { plural } from '../../format/words.ts';
import { LabPanel } from '../../labs/lab_panel.tsx';
import type { Lab } from '../../labs/use_lab.ts';
import type { Cursor } from '../../stores/selection.ts';
import { ColourLegend } from './colour_legend.tsx';
import { layerTitle } from './expert_figures.ts';
import { stepRowTicks } from './row_ticks.ts';

interface BatchPanelProps {
  readonly map: ExpertsMap;
  readonly layer: number;
  readonly life: Lab<ExpertLife>;
}

/** The paper's activation figure: how a layer's experts share each step's tokens. */
export function BatchPanel({ map, layer, life }: BatchPanelProps) {
  const { selection } = useStudio();
  const shown = life.result;
  const title = `${layerTitle(map, shown?.layer ?? layer)}, step by step`;
  const most = useMemo(
    () => (shown?.share ?? []).reduce((best, row) => row.reduce((a, b) => Math.max(a, b), best), 0),
    [shown],
  );
  const makeColour = useCallback(() => {
    const table = colourTable(themeNow());
    return (row: number, column: number) => table[colourIndex(shown?.share[row]?.[column] ?? 0, most)] ?? 0;
  }, [shown, most]);
  if (shown === undefined) {
    return (
      <LabPanel className="lab-panel-wide" title={title}>
        <div className="panel-empty" role="status">
          {life.error ?? 'Reading the steps of this layer…'}
        </div>
      </LabPanel>
    );
  }
  const { steps, share } = shown;
  const rowOf = new Map(steps.map((step, row) => [step, row]));
  const cellOf = ({ layer: at, step, expert }: Cursor) =>
    at === shown.layer ? { row: step === undefined ? undefined : rowOf.get(step), column: expert } : {};
  const read = (row: number, expert: number) =>
    `Step ${count(steps[row] ?? 0)}, expert ${expert}: ${percentText(share[row]?.[expert] ?? 0)} of the tokens`;
  return (
    <LabPanel
      className="lab-panel-wide"
      title={title}
      note="share of a step's tokens"
      controls={<ColourLegend from="0" to={percentText(most)} />}
      says={batchSays(shown, map.subject.steps)}
    >
      <HeatMap
        label={`Tokens of ${title}`}
        rows={steps.length}
        columns={map.subject.experts}
        breaks={NO_BREAKS}
        makeColour={makeColour}
        rowTicks={stepRowTicks(steps)}
        columnTitle="expert"
        cellOf={cellOf}
        cursorOf={(row, expert) => ({ layer: shown.layer, step: steps[row], expert })}
        read={read}
        onChoose={(_row, expert) => selection.getState().pin({ layer: shown.layer, expert })}
      />
    </LabPanel>
  );
}

const NO_BREAKS: readonly number[] = [];

function batchSays({ steps, share }: ExpertLife, all: number): string {
  const active =
    share.reduce((sum, row) => sum + row.filter((value) => value > 0).length, 0) / Math.max(1, share.length);
  const experts = share[0]?.length ?? 0;
  const thinned = steps.length < all ? ` ${count(steps.length)} of ${plural(all, 'step')} shown, evenly.` : '';
  return `A step asks for ${fixed(active, 1)} of ${count(experts)} experts on average, ${percentText(1 - active / Math.max(1, experts))} stay idle.${thinned}`;
}
