import './data_table.css';
import { Copy } from 'lucide-react';
import { useState } from 'react';
import { useStudio } from '../app/context.tsx';
import { type TableData, tableCsv } from './table_data.ts';

interface DataTableProps extends TableData {
  /** Says what the table holds, to those who do not see what stands around it. */
  readonly caption: string;
  /** What is copied, where a program wants it in another form than the eye; absent: what is shown. */
  readonly csv?: TableData;
  /** Index of a column to be marked, for example the pinned size. */
  readonly markedColumn?: number;
}

const COPIED_MS = 1500;

/** A lab's numbers: scrolls by keyboard, header and first column stay in sight, and copies itself as CSV with units. */
export function DataTable({ caption, columns, rows, markedColumn, csv }: DataTableProps) {
  const { host, notices } = useStudio();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await host.copyText(tableCsv(csv ?? { columns, rows }));
      setCopied(true);
      window.setTimeout(() => setCopied(false), COPIED_MS);
    } catch (error) {
      notices.notify({ kind: 'error', title: error instanceof Error ? error.message : String(error) });
    }
  };
  return (
    <div className="data-table">
      <button type="button" className="icon-button data-table-copy" onClick={copy}>
        <Copy size={13} aria-hidden />
        {copied ? 'Copied' : 'Copy as CSV'}
      </button>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable to be scrolled by keyboard */}
      <section className="data-table-scroll" tabIndex={0} aria-label={`${caption}, table`}>
        <table>
          <thead>
            <tr>
              {columns.map(({ title, unit, isText }, index) => (
                <th
                  key={title}
                  scope="col"
                  data-text={isText}
                  data-marked={index === markedColumn}
                  title={unit === undefined ? undefined : `${title}, ${unit}`}
                >
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ key, cells: [first, ...rest], isMarked }) => (
              <tr key={key} data-marked={isMarked}>
                <th scope="row">{first?.text}</th>
                {rest.map((cell, index) => (
                  <td
                    key={columns[index + 1]?.title}
                    data-text={columns[index + 1]?.isText}
                    data-marked={index + 1 === markedColumn}
                  >
                    {cell.text}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}
