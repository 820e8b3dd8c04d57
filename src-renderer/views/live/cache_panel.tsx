import { useEffect, useMemo, useRef } from 'react';
import { useSession, useStudio } from '../../app/context.tsx';
import { steadyScale, topShareScale } from '../../charts/axis_scale.ts';
import type { LineSeriesOption } from '../../charts/echarts.ts';
import { chartMargins } from '../../charts/plot_area.ts';
import { capitalize, layerName } from '../../format/layer_names.ts';
import { count, fixed, percent, percentText } from '../../format/numbers.ts';
import { msText } from '../../format/time.ts';
import { HIGH, LOW, MIDDLE, ratioSeries } from '../../stores/bucket_kinds.ts';
import { extentOf, lastOf, type Points, pointsOf } from '../../stores/buckets.ts';
import { LayerBars } from './layer_bars.tsx';
import { useLive } from './live_context.ts';
import type { LiveStats } from './live_stats.ts';
import { LiveText, Panel } from './panel.tsx';
import { auditText, cacheSentence, missShare } from './sentences.ts';
import { TimeChart } from './time_chart.tsx';

const NO_LAYERS: never[] = [];

/** How often an expert asked for was resident, over time and by layer, and what the misses cost. */
export function CachePanel() {
  const { bus } = useStudio();
  const layers = useSession((s) => s.snapshot.model?.moeLayers ?? NO_LAYERS);
  const slots = useSession((s) => s.snapshot.run?.slotsPerLayer);
  const rates = useMemo(() => {
    const { history } = bus;
    const hits = (slot: number) => history.columns.hitsAll[slot] ?? 0;
    return ratioSeries(history, hits, (slot) => hits(slot) + (history.columns.missesAll[slot] ?? 0));
  }, [bus]);
  return (
    <Panel
      title="Expert cache"
      note="hit rate %, lowest to highest step"
      figure={(stats) => {
        const accesses = (stats?.hits ?? 0) + (stats?.misses ?? 0);
        return stats === undefined || accesses === 0 ? '–' : percent(stats.hits / accesses);
      }}
      unit="% hits"
      says={(stats) => cacheSentence(stats, slots)}
      aside={<AuditLine />}
      table={(stats) => ({
        header: ['Layer', 'Requests', 'Hits', 'Misses', 'Miss rate'],
        rows: [
          ...stats.cache.map((layer, index) => ({
            key: String(index),
            cells: [
              capitalize(layerName(layers, index)),
              count(layer.hits + layer.misses),
              count(layer.hits),
              count(layer.misses),
              percentText(missShare(layer)),
            ],
          })),
          {
            key: 'all',
            cells: [
              'All layers',
              count(stats.hits + stats.misses),
              count(stats.hits),
              count(stats.misses),
              percentText(missShare(stats)),
            ],
          },
        ],
      })}
    >
      <TimeChart
        name="hit rate"
        label="Hit rate of the expert cache over time. Arrow keys move the step cursor."
        series={(theme): LineSeriesOption[] => {
          const colour = theme.categories[3];
          const band = {
            type: 'line' as const,
            stack: 'spread',
            // The lower edge may be lower than the axis; the band must still be stacked upon it.
            stackStrategy: 'all' as const,
            silent: true,
            showSymbol: false,
            dimensions: ['x', 'y'],
            lineStyle: { width: 0 },
          };
          return [
            { ...band, id: 'low' },
            { ...band, id: 'spread', areaStyle: { color: colour, opacity: 0.16 } },
            {
              id: 'hits',
              type: 'line',
              silent: true,
              showSymbol: false,
              dimensions: ['x', 'y'],
              lineStyle: { color: colour, width: 1.8 },
              z: 3,
            },
          ];
        }}
        formatValue={(value, { interval }) => fixed(value * 100, interval < 0.01 ? 1 : 0)}
        draw={(window) => {
          rates.update(window);
          const low = pointsOf(rates, window, LOW);
          const last = lastOf(rates, MIDDLE);
          const values = extentOf(rates, MIDDLE) ?? { lowest: 0, highest: 1 };
          return {
            scale: topShareScale(values.lowest),
            values,
            data: { low, spread: above(low, pointsOf(rates, window, HIGH)), hits: pointsOf(rates, window, MIDDLE) },
            ends:
              last === undefined
                ? []
                : [{ text: 'hits', value: percent(last), at: last, colour: '--m-experts', weight: 1 }],
          };
        }}
        readAt={(row) => {
          const { columns } = bus.history;
          const slot = bus.history.slot(row);
          const hits = columns.hitsAll[slot] ?? 0;
          const misses = columns.missesAll[slot] ?? 0;
          if (hits + misses === 0) return { text: 'no requests', dots: [] };
          const rate = hits / (hits + misses);
          return {
            text: `${percent(rate)}% hits, ${count(misses)} missed`,
            dots: [{ at: rate, colour: '--m-experts' }],
          };
        }}
      />
      <div className="live-strip">
        <LiveText className="live-strip-title" text={(stats) => `misses by layer, % of requests${costText(stats)}`} />
        <LayerBars
          name="misses by layer"
          label="Miss rate of the expert cache by layer. Arrow keys move between layers."
          margins={(size) => chartMargins(size, 15, 20)}
          bare
          colour={(theme) => theme.categories[3] ?? theme.dim}
          bars={(stats) =>
            stats.cache.map((layer) => {
              const share = missShare(layer);
              return { value: share, text: shortPercent(share) };
            })
          }
          scale={(bars, shown) => {
            const highest = Math.max(...bars.map((bar) => bar.value), 0);
            const max = [0.02, 0.05, 0.1, 0.2, 0.5].find((candidate) => highest <= candidate) ?? 1;
            return steadyScale(shown, { min: 0, max, interval: max }, { lowest: 0, highest });
          }}
          formatValue={(value) => fixed(value * 100, 0)}
          readLayer={(stats, layer) => `${percentText(missShare(stats.cache[layer] ?? { hits: 0, misses: 0 }))} missed`}
        />
      </div>
    </Panel>
  );
}

/** What misses cost a step: loads, and what the host computed instead. */
function costText(stats: LiveStats | undefined): string {
  if (stats === undefined) return '';
  const host = stats.computed === 0 ? '' : `, host ${msText(stats.computeMsPerStep)}`;
  const hidden = stats.hiddenShare === 0 ? '' : `, ${percent(stats.hiddenShare)}% of loads hidden`;
  return `; stall ${msText(stats.stallMsPerStep)}${host} a step${hidden}`;
}

/** A share in percent as short as a bar is wide. */
function shortPercent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.05) return '<0.1';
  return fixed(value, value > 0 && value < 9.95 ? 1 : 0);
}

function above(low: Points, high: Points): Points {
  const result = high.slice();
  for (let i = 1; i < result.length; i += 2) result[i] = (high[i] ?? 0) - (low[i] ?? 0);
  return result;
}

/** Live replay against what the caches counted: they agree to the unit, or the line says so in the colour of a fault. */
function AuditLine() {
  const { bus } = useStudio();
  const { feed } = useLive();
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const write = () => {
      if (element.current === null) return;
      const { text, agrees } = auditText(bus.audit);
      element.current.textContent = bus.history.count === 0 ? '' : text;
      element.current.dataset.agrees = String(agrees);
    };
    write();
    return feed.subscribe(write);
  }, [bus, feed]);
  return <span ref={element} className="live-audit" />;
}
