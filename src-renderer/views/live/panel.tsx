import { ChartColumn, Table2 } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import { Tip } from '../../widgets/tip.tsx';
import { useLiveText } from './live_context.ts';
import type { LiveStats } from './live_stats.ts';
import { LiveTable, type TableOf } from './live_table.tsx';

type Text = string | ((stats: LiveStats | undefined) => string);

export interface PanelProps {
  readonly title: string;
  readonly note: Text;
  /** Choices of what the panel shows, between note and figure. */
  readonly controls?: ReactNode;
  figure(stats: LiveStats | undefined): string;
  readonly unit: Text;
  says(stats: LiveStats | undefined): string;
  /** A second sentence with its own state, after the first. */
  readonly aside?: ReactNode;
  table: TableOf;
  readonly children: ReactNode;
}

/** Title, one live figure, the chart (or the same as a table), one line of plain words on what it says now. */
export function Panel({ title, note, controls, figure, unit, says, aside, table, children }: PanelProps) {
  const [isTable, setTable] = useState(false);
  const titleId = useId();
  const figureElement = useLiveText<HTMLElement>(figure);
  const saysElement = useLiveText<HTMLSpanElement>(says);
  return (
    <section className="panel live-panel" aria-labelledby={titleId}>
      <div className="panel-head">
        <h2 className="panel-title" id={titleId}>
          {title}
        </h2>
        <LiveText className="panel-note" text={note} />
        {controls !== undefined && <span className="live-controls">{controls}</span>}
        <strong className="panel-figure" ref={figureElement} />
        <LiveText className="panel-unit" text={unit} />
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
      </div>
      {isTable ? <LiveTable caption={title} table={table} /> : children}
      <p className="panel-says live-says">
        <span ref={saysElement} />
        {aside}
      </p>
    </section>
  );
}

export function LiveText({ className, text }: { readonly className: string; readonly text: Text }) {
  const element = useLiveText<HTMLSpanElement>(typeof text === 'string' ? () => text : text);
  return <span className={className} ref={element} />;
}
