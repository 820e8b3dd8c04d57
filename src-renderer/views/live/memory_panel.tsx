import { useMemo, useState } from 'react';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../../engine/protocol/telemetry.ts';
import { useSession, useStudio } from '../../app/context.tsx';
import { byteScale } from '../../charts/axis_scale.ts';
import { categoryVariable } from '../../charts/chart_theme.ts';
import { isNarrow } from '../../charts/plot_area.ts';
import { bytesPer, bytesText, byteUnit, scaleBytes } from '../../format/bytes.ts';
import { fixed } from '../../format/numbers.ts';
import { totalBytes } from '../../stores/block_sums.ts';
import { stackSeries } from '../../stores/bucket_kinds.ts';
import { extentOf, type Points, pointsOf, type TimeWindow } from '../../stores/buckets.ts';
import type { RunHistory } from '../../stores/history.ts';
import { Segments } from '../../widgets/segments.tsx';
import { CATEGORY_NAMES, ledgerSeries } from './ledger_series.ts';
import { Panel } from './panel.tsx';
import { memorySentence, profileSentence } from './sentences.ts';
import { StepZoom } from './step_zoom.tsx';
import { TimeChart, type ValueLabel } from './time_chart.tsx';

/** A label at the very top would touch those of the marks above it. */
const BELOW_MARKS = 0.84;
/** The budget line is in the picture when it is at most this many times what is held; otherwise the axis would hide the rest. */
const BUDGET_IN_SIGHT = 2;

type Zoom = 'time' | 'step';

/** What each category of the ledger holds on one device, against its budget. */
export function MemoryPanel() {
  const { bus } = useStudio();
  const devices = useSession((s) => s.snapshot.run?.settings.devices.length ?? 1);
  const budgets = useSession((s) => s.snapshot.run?.budgetBytes);
  const expected = useSession((s) => s.snapshot.run?.expectedBytes);
  const [chosen, setDevice] = useState(0);
  const [zoom, setZoom] = useState<Zoom>('time');
  const device = Math.min(chosen, devices - 1);
  const budgetBytes = budgets?.[device];
  const ledger = useMemo(() => {
    const { history } = bus;
    return stackSeries(
      history,
      CATEGORY_COUNT,
      (slot, category) =>
        history.columns.ledgerBytes[(slot * history.shape.devices + device) * CATEGORY_COUNT + category] ?? 0,
    );
  }, [bus, device]);
  const deviceNote = devices > 1 || zoom === 'step' ? '' : ', device 0';

  return (
    <Panel
      title="Memory"
      note={(stats) => `${byteUnit(stats?.devices[device]?.totalBytes ?? 2 ** 20)}${deviceNote}`}
      controls={
        <>
          <Segments
            label="What the memory chart shows"
            options={[
              { value: 'time', label: 'Time' },
              { value: 'step', label: 'One step' },
            ]}
            value={zoom}
            onChoose={setZoom}
          />
          {devices > 1 && zoom === 'time' && (
            <Segments
              label="Device"
              options={Array.from({ length: devices }, (_, d) => ({ value: String(d), label: String(d) }))}
              value={String(device)}
              onChoose={(value) => setDevice(Number(value))}
            />
          )}
        </>
      }
      figure={(stats) => {
        const bytes = stats?.devices[device]?.totalBytes;
        return bytes === undefined ? '–' : scaleBytes(bytes).value;
      }}
      unit={(stats) => {
        const unit = byteUnit(stats?.devices[device]?.totalBytes ?? 0);
        if (stats === undefined) return '';
        return budgetBytes === undefined ? unit : `${unit} of ${ofBudget(budgetBytes, unit)}`;
      }}
      says={(stats) =>
        zoom === 'step'
          ? profileSentence(bus.profile)
          : memorySentence(stats?.devices[device], device, budgetBytes, stats?.change)
      }
      table={(stats) => ({
        header: ['Category', ...stats.devices.map((_, d) => `Device ${d}`), 'Estimated, each'],
        rows: [
          ...LEDGER_CATEGORIES.map((category, index) => ({
            key: category,
            cells: [
              CATEGORY_NAMES[category],
              ...stats.devices.map((d) => bytesText(d.ledgerBytes[index] ?? 0)),
              bytesText(expected?.[index] ?? 0),
            ],
          })),
          { key: 'total', cells: ['total', ...stats.devices.map((d) => bytesText(d.totalBytes)), ''] },
          {
            key: 'peak',
            cells: [
              'highest within a step',
              ...stats.devices.map((d) => bytesText(d.peakBytes)),
              bytesText((expected ?? []).reduce((sum, bytes) => sum + bytes, 0)),
            ],
          },
        ],
      })}
    >
      {zoom === 'step' ? (
        <StepZoom />
      ) : (
        <TimeChart
          key={device}
          name="memory"
          label={`Memory of device ${device} by ledger category over time. Arrow keys move the step cursor.`}
          series={(theme) => [
            ...ledgerSeries(theme, false),
            {
              id: 'budget',
              type: 'line',
              silent: true,
              showSymbol: false,
              dimensions: ['x', 'y'],
              lineStyle: { color: theme.bad, width: 1.2, type: [4, 3] },
            },
          ]}
          formatValue={(value, scale) => fixed(value / bytesPer(byteUnit(scale.max)), decimalsOf(scale))}
          draw={(window, size) => {
            const { history } = bus;
            ledger.update(window);
            const highest = extentOf(ledger, CATEGORY_COUNT)?.highest ?? 0;
            const inSight = budgetBytes !== undefined && budgetBytes <= highest * BUDGET_IN_SIGHT;
            const top = Math.max(highest, inSight ? budgetBytes : 0);
            const scale = byteScale(Math.max(top * 1.04, 2 ** 20));
            const now = ledgerNow(history, device);
            return {
              scale,
              values: { lowest: 0, highest: top },
              data: {
                ...Object.fromEntries(
                  LEDGER_CATEGORIES.map((id, category) => [id, pastEdge(pointsOf(ledger, window, category), window)]),
                ),
                budget: inSight
                  ? Float64Array.of(window.fromMs - window.toMs, budgetBytes, 0, budgetBytes)
                  : new Float64Array(0),
              },
              ends:
                now === undefined
                  ? []
                  : [
                      ...categoryLabels(now, isNarrow(size)),
                      ...budgetLabel(budgetBytes, inSight, Math.max(scale.max * BELOW_MARKS, highest, sumOf(now))),
                    ],
            };
          }}
          readAt={(row) => {
            const bytes = totalBytes(bus.history, bus.history.slot(row), device);
            return { text: bytesText(bytes), dots: [{ at: bytes, colour: '--cursor' }] };
          }}
        />
      )}
    </Panel>
  );
}

function ledgerNow(history: RunHistory, device: number): Float64Array | undefined {
  if (history.count === 0) return undefined;
  const at = (history.slot(history.endRow - 1) * history.shape.devices + device) * CATEGORY_COUNT;
  return history.columns.ledgerBytes.subarray(at, at + CATEGORY_COUNT);
}

/** With the last value once more beyond the edge, where it is clipped: a last point nearer than a pixel is skipped when drawn,
 * which would cut the corner of an area. */
function pastEdge(points: Points, window: TimeWindow): Points {
  const result = new Float64Array(points.length + (points.length > 0 ? 2 : 0));
  result.set(points);
  if (points.length > 0) result.set([window.bucketMs, points.at(-1) ?? 0], points.length);
  return result;
}

/** The budget in the unit that stands before it. */
function ofBudget(budgetBytes: number, unit: ReturnType<typeof byteUnit>): string {
  const own = byteUnit(budgetBytes);
  const { value } = scaleBytes(budgetBytes, own);
  const short = value.replace(/\.0+$/, '');
  return own === unit ? short : `${short} ${own}`;
}

const decimalsOf = ({ interval, max }: { interval: number; max: number }): number =>
  Number.isInteger(interval / bytesPer(byteUnit(max))) ? 0 : 2;

/** One label per category that holds anything, in the middle of its band. */
export function categoryLabels(bytes: ArrayLike<number>, namesOnly: boolean): readonly ValueLabel[] {
  const total = sumOf(bytes);
  const unit = byteUnit(total);
  let below = 0;
  return LEDGER_CATEGORIES.flatMap((category, index) => {
    const part = bytes[index] ?? 0;
    const at = below + part / 2;
    below += part;
    if (part <= 0) return [];
    const value = namesOnly ? undefined : short(part / bytesPer(unit));
    return [{ text: CATEGORY_NAMES[category], value, at, colour: categoryVariable(index), weight: part }];
  });
}

const sumOf = (bytes: ArrayLike<number>): number => Array.from(bytes).reduce((sum, part) => sum + part, 0);

const short = (value: number): string => (value > 0 && value < 0.05 ? '<0.1' : fixed(value, 1));

/** @param above where the budget's label stands while the budget is out of sight: over all that is in sight */
function budgetLabel(budgetBytes: number | undefined, inSight: boolean, above: number): readonly ValueLabel[] {
  if (budgetBytes === undefined) return [];
  const weight = Number.POSITIVE_INFINITY;
  if (inSight) return [{ text: 'budget', at: budgetBytes, colour: '--bad', weight }];
  return [{ text: '↑ budget', at: above, weight }];
}
