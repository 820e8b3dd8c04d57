import { useMemo } from 'react';
import { capitalize, layerName } from '../../format/layer_names.ts';
import { count, percentText, shortCount } from '../../format/numbers.ts';
import { plural } from '../../format/words.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import { LayerColumns } from '../../labs/layer_columns.tsx';
import { evictionTitle } from '../../stores/run_settings.ts';
import type { Choice } from './cache_lab_view.tsx';
import { layerTable } from './lab_tables.ts';
import { layerSlots } from './losses.ts';

/** Which layers miss, and how the same slots would be dealt to them by what each slot saves. */
export function LayersPanel({ choice: { table, size } }: { readonly choice: Choice }) {
  const layers = useMemo(() => layerSlots(table, size), [table, size]);
  const { moeLayers } = table.subject;
  const title = evictionTitle(table.byLayer.policy);
  const equal = table.slots[size] ?? 0;
  const now = layers.reduce((sum, { misses }) => sum + misses, 0) / table.scored.accesses;
  const dealt = table.byLayer.allocatedMissRate[size];
  return (
    <LabPanel
      title="Slots by layer"
      note={title}
      table={<DataTable caption="Misses and slots by layer" {...layerTable(table, size)} />}
      says={dealt === undefined ? undefined : allocationSays(now, dealt)}
    >
      <div className="layer-plots">
        <LayerColumns
          label="Misses by layer at the pinned size"
          title="misses, equal slots"
          layers={moeLayers}
          values={layers.map(({ misses }) => misses)}
          colour="--m-experts"
          formatValue={shortCount}
          read={(layer) => `${capitalize(layerName(moeLayers, layer))}: ${count(layers[layer]?.misses ?? 0)} misses`}
        />
        <LayerColumns
          label="Slots dealt by layer"
          title={`slots, dealt by what each saves; dashed: ${count(equal)} each`}
          layers={moeLayers}
          values={layers.map((layer) => layer.dealt)}
          reference={equal}
          colour="--m-attention"
          formatValue={count}
          read={(layer) =>
            `${capitalize(layerName(moeLayers, layer))}: ${plural(layers[layer]?.dealt ?? 0, 'slot')} instead of ${count(equal)}`
          }
          hasTicks
        />
      </div>
    </LabPanel>
  );
}

function allocationSays(now: number, dealt: number): string {
  const points = (now - dealt) * 100;
  if (points < 0.05)
    return `Dealt by need, the same slots miss as much: ${percentText(dealt)}. Equal slots are right here.`;
  return `Dealt by need, the same slots would miss ${percentText(dealt)} instead of ${percentText(now)}.`;
}
