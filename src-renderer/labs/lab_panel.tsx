import { ChartColumn, Table2 } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import { Tip } from '../widgets/tip.tsx';

interface LabPanelProps {
  readonly title: string;
  readonly note?: ReactNode;
  /** The panel's one figure and its unit. */
  readonly figure?: string;
  readonly unit?: string;
  readonly controls?: ReactNode;
  /** A line above the chart that follows the cursor. */
  readonly readout?: ReactNode;
  /** One line of plain words on what the panel says now. */
  readonly says?: ReactNode;
  /** The same as a table, behind a switch. */
  readonly table?: ReactNode;
  /** What the source cannot tell: said in place of the chart, and the panel is greyed. */
  readonly missing?: string;
  readonly className?: string;
  readonly children: ReactNode;
}

/** Title, one figure, the chart (or the same as a table), one line of words: as in the Live view, over data that stands still. */
export function LabPanel(props: LabPanelProps) {
  const { title, note, figure, unit, controls, readout, says, table, missing, className = '', children } = props;
  const [isTable, setTable] = useState(false);
  const titleId = useId();
  return (
    <section
      className={`panel lab-panel ${className}`}
      aria-labelledby={titleId}
      data-missing={missing !== undefined || undefined}
    >
      <div className="panel-head">
        <h2 className="panel-title" id={titleId}>
          {title}
        </h2>
        <span className="panel-note">{missing === undefined && note}</span>
        {controls !== undefined && <span className="lab-panel-controls">{controls}</span>}
        {figure !== undefined && missing === undefined && (
          <>
            <strong className="panel-figure">{figure}</strong>
            <span className="panel-unit">{unit}</span>
          </>
        )}
        {table !== undefined && missing === undefined && (
          <Tip text={isTable ? 'Show the chart' : 'Show as a table'}>
            <button
              type="button"
              className="icon-button"
              aria-pressed={isTable}
              aria-label={`${title} as a table`}
              onClick={() => setTable(!isTable)}
            >
              {isTable ? <ChartColumn size={14} aria-hidden /> : <Table2 size={14} aria-hidden />}
            </button>
          </Tip>
        )}
      </div>
      {readout !== undefined && missing === undefined && <div className="lab-readout">{readout}</div>}
      {missing !== undefined ? <div className="panel-empty">{missing}</div> : isTable ? table : children}
      {says !== undefined && missing === undefined && <p className="panel-says lab-says">{says}</p>}
    </section>
  );
}
