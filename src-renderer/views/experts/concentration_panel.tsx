import type { ExpertsMap } from '../../../engine/protocol/labs.ts';
import { useStudio } from '../../app/context.tsx';
import { fixed, percent, percentText } from '../../format/numbers.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import { LayerColumns } from '../../labs/layer_columns.tsx';
import { eighthOf, layerSays, layerTitle } from './expert_figures.ts';
import { concentrationTable } from './expert_tables.ts';

/** How far each layer leans on few experts, and whether they stay the same: what a cache and a placement live from. */
export function ConcentrationPanel({ map, layer }: { readonly map: ExpertsMap; readonly layer: number }) {
  const { selection } = useStudio();
  const { moeLayers, experts } = map.subject;
  const even = eighthOf(experts) / Math.max(1, experts);
  const open = (to: number) => selection.getState().pin({ layer: to });
  return (
    <LabPanel
      title="Concentration"
      note={layerTitle(map, layer).toLowerCase()}
      figure={percent(map.concentration[layer] ?? 0)}
      unit="% of tokens"
      says={layerSays(map, layer)}
      table={<DataTable caption="Concentration and stability by layer" {...concentrationTable(map)} />}
    >
      <div className="layer-plots">
        <LayerColumns
          label="Share of a layer's tokens at its busiest eighth of experts"
          title={`tokens at the busiest eighth, %; dashed: an even layer`}
          layers={moeLayers}
          values={map.concentration}
          reference={even}
          colour="--m-attention"
          formatValue={(share) => fixed(share * 100, 0)}
          read={(at) => `${layerTitle(map, at)}: ${percentText(map.concentration[at] ?? 0)}`}
          onChoose={open}
        />
        <LayerColumns
          label="Share of the busiest eighth that is the same in both halves of the run"
          title="the same in both halves, %"
          layers={moeLayers}
          values={map.stability}
          colour="--m-kv"
          max={1}
          formatValue={(share) => fixed(share * 100, 0)}
          read={(at) => `${layerTitle(map, at)}: ${percentText(map.stability[at] ?? 0)}`}
          onChoose={open}
          hasTicks
        />
      </div>
    </LabPanel>
  );
}
