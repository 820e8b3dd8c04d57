import { useMemo, useState } from 'react';
import { STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import { useSession, useStudio } from '../../app/context.tsx';
import { shareScale } from '../../charts/axis_scale.ts';
import { deviceVariable } from '../../charts/chart_theme.ts';
import type { LineSeriesOption } from '../../charts/echarts.ts';
import { bytesText } from '../../format/bytes.ts';
import { fixed, percent, percentText } from '../../format/numbers.ts';
import { PHASE_NAMES } from '../../format/phases.ts';
import { msText } from '../../format/time.ts';
import { meanSeries } from '../../stores/bucket_kinds.ts';
import { extentOf, lastOf, pointsOf } from '../../stores/buckets.ts';
import { Segments } from '../../widgets/segments.tsx';
import type { LiveStats } from './live_stats.ts';
import type { TableData } from './live_table.tsx';
import { Panel } from './panel.tsx';
import { PhaseBars } from './phase_bars.tsx';
import { gatingSentence, loadSentence, phaseSentence } from './sentences.ts';
import { TimeChart, type ValueLabel } from './time_chart.tsx';

type Shown = 'share' | 'phases';

/** How evenly the devices share the work; with one device there is nothing to share, so it opens on where a step's time goes. */
export function LoadPanel() {
  const { bus } = useStudio();
  const devices = useSession((s) => s.snapshot.run?.settings.devices.length ?? 1);
  const placement = useSession((s) => s.snapshot.run?.settings.placement ?? 'contiguous');
  const gating = useSession((s) => s.snapshot.run?.settings.gating ?? 'dynamic');
  const [chosen, setShown] = useState<Shown>('share');
  const isAlone = devices < 2;
  const shown = isAlone ? 'phases' : chosen;
  const lost = useSession((s) => s.snapshot.run?.lost.length ?? 0);
  const even = 1 / Math.max(1, devices - lost);

  const shares = useMemo(() => {
    const { history } = bus;
    return meanSeries(
      history,
      devices,
      (slot, device) => history.columns.deviceShare[slot * devices + device] ?? 0,
      (slot) => history.columns.tokens[slot] ?? 0,
    );
  }, [bus, devices]);
  return (
    <Panel
      title={isAlone ? 'Step time' : 'Load per device'}
      note={isAlone ? 'by phase' : shown === 'phases' ? 'step time by phase' : '% of tokens'}
      controls={
        isAlone ? undefined : (
          <Segments
            label="What the load panel shows"
            options={[
              { value: 'share', label: 'Share' },
              { value: 'phases', label: 'Step time' },
            ]}
            value={shown}
            onChoose={setShown}
          />
        )
      }
      figure={(stats) => {
        if (stats === undefined) return '–';
        return shown === 'phases' ? fixed(stats.stepMs, stats.stepMs < 99.5 ? 2 : 0) : percent(stats.avgMaxShare);
      }}
      unit={shown === 'phases' ? 'ms a step' : '% avg max'}
      says={(stats) => {
        const padding = gatingSentence(stats, gating);
        // Two sentences are what the panel has room for: what gating costs goes before how to see the load divide.
        if (shown === 'share' || (isAlone && padding === '')) return loadSentence(stats, placement, even);
        return [phaseSentence(stats), padding].filter(Boolean).join(' ');
      }}
      table={(stats) => (shown === 'phases' ? phaseTable(stats) : shareTable(stats))}
    >
      {shown === 'phases' ? (
        <PhaseBars />
      ) : (
        <TimeChart
          key={devices}
          name="load"
          label="Share of the tokens that each device computes, over time. Arrow keys move the step cursor."
          series={(theme): LineSeriesOption[] => [
            {
              id: 'even',
              type: 'line',
              silent: true,
              showSymbol: false,
              dimensions: ['x', 'y'],
              lineStyle: { color: theme.axis, width: 1, type: [3, 3] },
            },
            ...Array.from(
              { length: devices },
              (_, device): LineSeriesOption => ({
                id: `device${device}`,
                type: 'line',
                silent: true,
                showSymbol: false,
                dimensions: ['x', 'y'],
                lineStyle: { color: theme.devices[device % theme.devices.length], width: 1.6 },
              }),
            ),
          ]}
          formatValue={(value) => fixed(value * 100, 0)}
          draw={(window) => {
            shares.update(window);
            const all = Array.from({ length: devices }, (_, device) => device);
            const highest = Math.max(even, ...all.map((device) => extentOf(shares, device)?.highest ?? 0));
            const ends = all.flatMap((device): ValueLabel[] => {
              const at = lastOf(shares, device);
              if (at === undefined) return [];
              const value = fixed(at * 100, 0);
              return [{ text: `device ${device}`, value, at, colour: deviceVariable(device), weight: 2 + at }];
            });
            const evenLabel = { text: 'even', value: fixed(even * 100, 0), at: even, weight: 1 };
            return {
              scale: shareScale(highest),
              values: { lowest: 0, highest },
              data: {
                even: Float64Array.of(window.fromMs - window.toMs, even, 0, even),
                ...Object.fromEntries(all.map((device) => [`device${device}`, pointsOf(shares, window, device)])),
              },
              ends: ends.length === 0 ? [] : [...ends, evenLabel],
            };
          }}
          readAt={(row) => {
            const at = bus.history.slot(row) * devices;
            const shares = Array.from(bus.history.columns.deviceShare.subarray(at, at + devices));
            return {
              text: `${shares.map((share) => percent(share)).join(' / ')}%`,
              dots: shares.map((share, device) => ({ at: share, colour: deviceVariable(device) })),
            };
          }}
        />
      )}
    </Panel>
  );
}

function shareTable({ devices }: LiveStats): TableData {
  return {
    header: ['Device', 'Mean share', 'Highest share', 'Memory', 'Peak'],
    rows: devices.map((device, index) => ({
      key: String(index),
      cells: [
        `Device ${index}`,
        percentText(device.meanShare),
        percentText(device.worstShare),
        bytesText(device.totalBytes),
        bytesText(device.peakBytes),
      ],
    })),
  };
}

function phaseTable({ phaseMs }: LiveStats): TableData {
  const total = phaseMs.reduce((sum, ms) => sum + ms, 0);
  return {
    header: ['Phase', 'Time a step', 'Share'],
    rows: STEP_PHASES.map((phase, index) => {
      const ms = phaseMs[index] ?? 0;
      return { key: phase, cells: [PHASE_NAMES[phase], msText(ms), total === 0 ? '–' : `${percent(ms / total)}%`] };
    }),
  };
}
