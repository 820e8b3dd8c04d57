import '../../labs/lab.css';
import '../../labs/lab_rows.css';
import './gating.css';
import { useSyncExternalStore } from 'react';
import { useStore } from 'zustand/react';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { useSession, useStudio } from '../../app/context.tsx';
import { scaleBytes } from '../../format/bytes.ts';
import { count, fixed, plain } from '../../format/numbers.ts';
import { DataTable } from '../../labs/data_table.tsx';
import { LabWarnings } from '../../labs/lab_frame.tsx';
import { LabPanel } from '../../labs/lab_panel.tsx';
import type { TableData } from '../../labs/table_data.ts';
import { GatingBar } from './gating_bar.tsx';
import { GatingBlank } from './gating_blank.tsx';
import { gatingKey } from './gating_lab.ts';
import { byCapacity } from './gating_layout.ts';
import {
  memorySentence,
  qualityMissing,
  qualitySentence,
  rowsPerReal,
  slotsSentence,
  throughputSentence,
  timeSentence,
} from './gating_sentences.ts';
import { memoryTable, qualityTable, slotsTable, throughputTable, timeTable } from './gating_tables.ts';
import { MemoryChart } from './memory_chart.tsx';
import { QualityChart } from './quality_chart.tsx';
import { SlotsChart } from './slots_chart.tsx';
import { ThroughputChart } from './throughput_chart.tsx';
import { StepTimeChart } from './time_chart.tsx';

/** The same tokens through every gating policy, measured on the open model on demand. */
export function GatingView() {
  const { gatingLab } = useStudio();
  const state = useSyncExternalStore(
    (listener) => gatingLab.query.subscribe(listener),
    () => gatingLab.query.state,
  );
  const knobs = useStore(gatingLab.knobs);
  const model = useSession((s) => s.snapshot.model);
  const isStale =
    state.result !== undefined && (model === undefined || state.answered !== gatingKey(model.fingerprint, knobs));
  return (
    <div className="lab">
      <GatingBar state={state} isStale={isStale} />
      {state.result === undefined ? (
        <GatingBlank state={state} />
      ) : (
        <>
          <LabWarnings warnings={state.result.warnings} />
          <div className="lab-body gating-panels" data-stale={isStale}>
            <Panels table={state.result} />
          </div>
        </>
      )}
    </div>
  );
}

function Panels({ table }: { readonly table: GatingTable }) {
  const find = (policy: string) => table.rows.find((row) => row.policy === policy);
  const fixedRows = find('static') ?? table.rows[0];
  const own = find('dynamic') ?? table.rows[0];
  const ownName = own?.policy ?? '';
  const top = Math.max(0, ...table.throughput.map(({ tokensPerSecond }) => tokensPerSecond ?? 0));
  const full = byCapacity(table).at(-1);
  return (
    <>
      <LabPanel
        title="Slots"
        note={`measured, rows a layer and step, ${count(table.tokensPerStep)} tokens a step`}
        figure={fixedRows === undefined ? '–' : plain(rowsPerReal(fixedRows))}
        unit={`rows for each real one, ${fixedRows?.title ?? ''}`}
        says={slotsSentence(table)}
        table={<TableOf title="Slots" table={slotsTable(table)} />}
        className="gating-slots"
      >
        <SlotsChart table={table} />
      </LabPanel>
      <LabPanel
        title="Time of a step"
        note="measured, by phase"
        figure={own === undefined ? '–' : fixed(own.stepMs, own.stepMs < 99.5 ? 1 : 0)}
        unit={`ms, ${ownName}`}
        says={timeSentence(table)}
        table={<TableOf title="Time of a step" table={timeTable(table)} />}
      >
        <StepTimeChart table={table} />
      </LabPanel>
      <LabPanel
        title="Memory"
        note="measured, highest in a step"
        figure={own === undefined ? '–' : scaleBytes(own.peakBytes).value}
        unit={own === undefined ? '' : `${scaleBytes(own.peakBytes).unit}, ${ownName}`}
        says={memorySentence(table)}
        table={<TableOf title="Memory" table={memoryTable(table)} />}
      >
        <MemoryChart table={table} />
      </LabPanel>
      <LabPanel
        title="Throughput"
        note="measured, by batch"
        figure={plain(top)}
        unit="tok/s at best"
        says={throughputSentence(table)}
        table={<TableOf title="Throughput" table={throughputTable(table)} />}
      >
        <ThroughputChart table={table} />
      </LabPanel>
      <LabPanel
        title="Price of capacity"
        note="measured, held out"
        figure={full === undefined ? undefined : plain(full.perplexity)}
        unit={`perplexity at C = ${plain(full?.capacity ?? 1)}`}
        says={qualitySentence(table)}
        missing={qualityMissing(table)}
        table={<TableOf title="Price of capacity" table={qualityTable(table)} />}
      >
        <QualityChart table={table} />
      </LabPanel>
    </>
  );
}

function TableOf({ title, table }: { readonly title: string; readonly table: TableData }) {
  return <DataTable caption={title} columns={table.columns} rows={table.rows} />;
}
