import './live_table.css';
import { useEffect, useState } from 'react';
import { useLive } from './live_context.ts';
import type { LiveStats } from './live_stats.ts';

export interface TableData {
  readonly header: readonly string[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly string[] }[];
}

export type TableOf = (stats: LiveStats) => TableData;

/** Tables are read line by line: two changes a second are the most that can be followed. */
const RENDER_MS = 500;

/** The panel's numbers as a table: for screen readers, and for whoever wants the figures. */
export function LiveTable({ caption, table }: { readonly caption: string; readonly table: TableOf }) {
  const { feed } = useLive();
  const [stats, setStats] = useState(feed.stats);
  useEffect(() => {
    let renderedMs = 0;
    return feed.subscribe(() => {
      const nowMs = performance.now();
      if (nowMs - renderedMs < RENDER_MS && feed.stats !== undefined) return;
      renderedMs = nowMs;
      setStats(feed.stats);
    });
  }, [feed]);

  if (stats === undefined) return <div className="panel-empty">No step yet</div>;
  const { header, rows } = table(stats);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable to be scrolled by keyboard
    <section className="live-table" tabIndex={0} aria-label={`${caption}, table`}>
      <table>
        <thead>
          <tr>
            {header.map((cell) => (
              <th key={cell} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells: [first, ...rest] }) => (
            <tr key={key}>
              <th scope="row">{first}</th>
              {rest.map((cell, index) => (
                <td key={header[index + 1]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
