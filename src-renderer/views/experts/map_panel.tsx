import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { ExpertsMap } from '../../../engine/protocol/labs.ts';
import { useStudio } from '../../app/context.tsx';
import { animationFrames } from '../../charts/animation_frames.ts';
import { readChartTheme, themeNow } from '../../charts/chart_theme.ts';
import { colourIndex, colourTable, packedHex } from '../../charts/colour_map.ts';
import { HeatMap } from '../../charts/heat_map.tsx';
import { count } from '../../format/numbers.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import type { Cursor } from '../../stores/selection.ts';
import { Segments } from '../../widgets/segments.tsx';
import { ColourLegend, DeviceLegend } from './colour_legend.tsx';
import { cellText, colourEnd, type Metric, mapSays, stackBreaks } from './expert_figures.ts';
import { mapTable } from './expert_tables.ts';
import type { Opened } from './experts_view.tsx';
import { layerRowTicks } from './row_ticks.ts';

const METRICS: readonly { readonly value: Metric; readonly label: string }[] = [
  { value: 'tokens', label: 'Tokens' },
  { value: 'hits', label: 'Hits' },
  { value: 'misses', label: 'Misses' },
  { value: 'residency', label: 'Residency' },
];

/** Layer x expert: a row a MoE layer, a column an expert. */
export function MapPanel({ map, opened }: { readonly map: ExpertsMap; readonly opened: Opened }) {
  const { selection } = useStudio();
  const [metric, setMetric] = useState<Metric>('tokens');
  const { moeLayers, experts, devices } = map.subject;
  const breaks = useMemo(() => stackBreaks(moeLayers), [moeLayers]);
  const end = useMemo(() => (metric === 'residency' ? undefined : colourEnd(map, metric)), [map, metric]);
  const most = end?.value ?? 0;
  const makeColour = useCallback(() => {
    const table = colourTable(themeNow());
    if (metric === 'residency') {
      const colours = readChartTheme().devices.map(packedHex);
      return (row: number, column: number) => {
        const device = map.residentOn[row]?.[column] ?? -1;
        return device < 0 ? (table[0] ?? 0) : (colours[device % colours.length] ?? 0);
      };
    }
    const values = map[metric];
    return (row: number, column: number) => table[colourIndex(values[row]?.[column] ?? 0, most)] ?? 0;
  }, [map, metric, most]);
  return (
    <LabPanel
      className="lab-panel-wide"
      title="Experts"
      note="a row a layer, a column an expert"
      readout={<Readout map={map} opened={opened} />}
      controls={
        <>
          {metric === 'residency' ? (
            <DeviceLegend devices={devices} />
          ) : (
            <ColourLegend from="0" to={end?.isCut ? `${count(most)} and more` : count(most)} />
          )}
          <Segments label="What the map shows" options={METRICS} value={metric} onChoose={setMetric} />
        </>
      }
      says={mapSays(map)}
      table={<DataTable caption="Experts by layer" {...mapTable(map)} />}
    >
      <HeatMap
        label={`Experts by layer, colour shows ${metric}`}
        rows={moeLayers.length}
        columns={experts}
        breaks={breaks}
        makeColour={makeColour}
        rowTicks={layerRowTicks(moeLayers)}
        columnTitle="expert"
        cellOf={layerExpert}
        shown={{ row: opened.layer, column: opened.expert }}
        cursorOf={(layer, expert) => ({ layer, expert })}
        read={(layer, expert) => cellText(map, layer, expert)}
        onChoose={(layer, expert) => selection.getState().pin({ layer, expert })}
      />
    </LabPanel>
  );
}

const isCell = (map: ExpertsMap, cursor: Cursor | undefined): boolean =>
  cursor?.layer !== undefined && cursor.expert !== undefined && map.tokens[cursor.layer]?.[cursor.expert] !== undefined;

const layerExpert = ({ layer, expert }: Cursor) => ({ row: layer, column: expert });

/** The figures of the cell under the cursor; written directly, for it changes with every move of the mouse. */
function Readout({ map, opened }: { readonly map: ExpertsMap; readonly opened: Opened }) {
  const { selection } = useStudio();
  const element = useRef<HTMLOutputElement>(null);
  useEffect(() => {
    const task = animationFrames.add({
      name: 'expert readout',
      stage: 'paint',
      minIntervalMs: 0,
      run: () => {
        if (element.current === null) return;
        const { hover, pinned } = selection.getState();
        const cell = [hover, pinned, opened].find((cursor) => isCell(map, cursor)) ?? opened;
        const text = cellText(map, cell.layer ?? 0, cell.expert ?? 0);
        if (element.current.textContent !== text) element.current.textContent = text;
      },
    });
    task.markDirty();
    const stop = selection.subscribe(task.markDirty);
    return () => {
      stop();
      task.dispose();
    };
  }, [selection, map, opened]);
  return <output ref={element} aria-live="off" />;
}
