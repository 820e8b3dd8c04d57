import type { PlacementTable } from '../../../engine/protocol/labs.ts';
import { deviceVariable } from '../../charts/chart_theme.ts';
import { bytesText, byteUnit, scaleBytes } from '../../format/bytes.ts';
import { percent, plain } from '../../format/numbers.ts';
import { rangeOf } from './placement_layout.ts';

export type DeviceMeasure = 'copies' | 'memory' | 'misses';

interface DevicesChartProps {
  readonly table: PlacementTable;
  readonly shown: DeviceMeasure;
  /** Bytes of one expert; undefined where the source does not say. */
  readonly bytesPerCopy: number | undefined;
}

/** With more devices the numbers would not stand beside each other; the table has them. */
const MOST_NUMBERED = 5;

/** What every device holds and misses under every method: one bar a device, in the device's colour. */
export function DevicesChart({ table, shown, bytesPerCopy }: DevicesChartProps) {
  const layers = table.subject.moeLayers.length;
  const values = table.rows.map((row) => {
    if (shown === 'misses') return row.missRate;
    return shown === 'copies'
      ? row.expertsPerDevice
      : row.expertsPerDevice.map((mean) => mean * layers * (bytesPerCopy ?? 0));
  });
  const highest = Math.max(...values.flat(), Number.MIN_VALUE);
  const hasNumbers = table.devices <= MOST_NUMBERED;
  const text = shown === 'misses' ? (share: number) => `${percent(share)}%` : shown === 'memory' ? bytesText : plain;
  // Beside each other, the unit stands once, at least and most.
  const short = (value: number) => (shown === 'memory' ? scaleBytes(value, byteUnit(highest)).value : text(value));
  return (
    <div className="lab-rows-box">
      <table className="lab-rows">
        <thead>
          <tr>
            <th scope="col">Method</th>
            <th scope="col" className="lab-rows-plot">
              <span className="placement-cells">
                {Array.from({ length: table.devices }, (_, device) => (
                  <span key={deviceKey(device)}>{device}</span>
                ))}
              </span>
            </th>
            <th scope="col">least</th>
            <th scope="col">most</th>
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => {
            const [lowest, most] = rangeOf(values[index] ?? []);
            return (
              <tr key={row.method} data-method={row.method}>
                <th scope="row">{row.title}</th>
                <td className="lab-rows-plot">
                  <div className="placement-cells">
                    {(values[index] ?? []).map((value, device) => (
                      <span key={deviceKey(device)} title={`Device ${device}: ${text(value)}`}>
                        {hasNumbers && <span className="placement-value">{short(value)}</span>}
                        <span
                          className="placement-bar"
                          style={{
                            width: `${((value / highest) * 100).toFixed(2)}%`,
                            background: `var(${deviceVariable(device)})`,
                          }}
                        />
                      </span>
                    ))}
                  </div>
                </td>
                <td>{text(lowest)}</td>
                <td>{text(most)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const deviceKey = (device: number) => `device${device}`;
