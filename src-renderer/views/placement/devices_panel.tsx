import { useState } from 'react';
import type { PlacementTable } from '../../../engine/protocol/labs.ts';
import { bytesHeld } from '../../../engine/protocol/model.ts';
import { useSession, useSettings } from '../../app/context.tsx';
import { bytesText } from '../../format/bytes.ts';
import { percent, plain } from '../../format/numbers.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import { useLabSource } from '../../labs/use_lab_source.ts';
import { Segments } from '../../widgets/segments.tsx';
import { type DeviceMeasure, DevicesChart } from './devices_chart.tsx';
import { devicesSentence } from './placement_sentences.ts';

const NOTES: Readonly<Record<DeviceMeasure, string>> = {
  copies: 'experts a layer',
  memory: 'all layers',
  misses: 'LRU, scored half',
};

/** What each device holds and misses under every method. */
export function DevicesPanel({ table }: { readonly table: PlacementTable }) {
  const [shown, setShown] = useState<DeviceMeasure>('copies');
  const isLive = useLabSource().kind === 'live';
  const model = useSession((s) => s.snapshot.model);
  const isOfModel = model !== undefined && (isLive || model.name === table.subject.model);
  const precision = useSettings((s) => s.draft.precision);
  const bytesPerCopy = isOfModel ? bytesHeld(model, precision).perExpert : undefined;
  return (
    <LabPanel
      title="Devices"
      note={NOTES[shown]}
      controls={
        <Segments
          label="What the devices panel shows"
          options={[
            { value: 'copies', label: 'Copies' },
            { value: 'memory', label: 'Memory' },
            { value: 'misses', label: 'Misses' },
          ]}
          value={shown}
          onChoose={setShown}
        />
      }
      says={devicesSentence(table, shown, bytesPerCopy)}
      missing={
        shown === 'memory' && bytesPerCopy === undefined
          ? 'This source does not say how many bytes an expert has: open its model to see memory.'
          : undefined
      }
      className="placement-devices"
      table={<DevicesTable table={table} bytesPerCopy={bytesPerCopy} />}
    >
      <DevicesChart table={table} shown={shown} bytesPerCopy={bytesPerCopy} />
    </LabPanel>
  );
}

function DevicesTable({ table, bytesPerCopy }: { readonly table: PlacementTable; readonly bytesPerCopy?: number }) {
  const { devices, subject } = table;
  const each = Array.from({ length: devices }, (_, device) => device);
  return (
    <DataTable
      caption="Devices"
      columns={[
        { title: 'Method', isText: true },
        ...each.map((device) => ({ title: `copies ${device}`, unit: 'experts a layer' })),
        ...(bytesPerCopy === undefined ? [] : each.map((device) => ({ title: `memory ${device}`, unit: 'bytes' }))),
        ...each.map((device) => ({ title: `misses ${device}`, unit: '0..1' })),
      ]}
      rows={table.rows.map(({ method, title, expertsPerDevice, missRate }) => ({
        key: method,
        cells: [
          { text: title },
          ...expertsPerDevice.map((value) => ({ text: plain(value), value })),
          ...(bytesPerCopy === undefined
            ? []
            : expertsPerDevice.map((copies) => {
                const value = copies * subject.moeLayers.length * bytesPerCopy;
                return { text: bytesText(value), value };
              })),
          ...missRate.map((value) => ({ text: `${percent(value)}%`, value })),
        ],
      }))}
    />
  );
}
