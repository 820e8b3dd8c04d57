import { useSession } from '../../app/context.tsx';
import { capitalize, hasBothStacks, layerName } from '../../format/layer_names.ts';
import { count, fixed } from '../../format/numbers.ts';
import { LayerBars } from './layer_bars.tsx';
import { Panel } from './panel.tsx';
import { idleFigure, idleSentence } from './sentences.ts';

const MARGINS = { left: 36, right: 10, top: 18, bottom: 22 };
const NO_LAYERS: never[] = [];

/** How many experts get no token, by layer: what dynamic gating and the expert cache live from. */
export function IdlePanel() {
  const experts = useSession((s) => s.snapshot.model?.experts ?? 0);
  const layers = useSession((s) => s.snapshot.model?.moeLayers ?? NO_LAYERS);
  return (
    <Panel
      title="Inactive experts per layer"
      note="mean, middle 90%"
      figure={(stats) => idleFigure(stats, experts, layers)}
      unit={experts === 0 ? 'idle' : hasBothStacks(layers) ? 'enc / dec' : `of ${experts} idle`}
      says={(stats) => (stats === undefined ? '' : idleSentence(stats.idle, experts, layers))}
      table={(stats) => ({
        header: ['Layer', 'Mean idle', '5% of steps below', '95% of steps below', 'Of'],
        rows: stats.idle.map((layer, index) => ({
          key: String(index),
          cells: [
            capitalize(layerName(layers, index)),
            ...(layer.steps === 0 ? ['not run', '', ''] : [fixed(layer.mean, 1), count(layer.low), count(layer.high)]),
            count(experts),
          ],
        })),
      })}
    >
      <LayerBars
        name="inactive experts"
        label="Inactive experts by layer, mean over the time shown. Arrow keys move between layers."
        margins={() => MARGINS}
        colour={(theme) => theme.categories[1] ?? theme.dim}
        bars={(stats) =>
          stats.idle.map((layer) => ({
            value: layer.mean,
            low: layer.low,
            high: layer.high,
            text: layer.steps === 0 ? '–' : fixed(layer.mean, 0),
          }))
        }
        scale={() => ({ min: 0, max: Math.max(4, experts), interval: Math.max(4, experts) / 4 })}
        formatValue={(value) => fixed(value, 0)}
        readLayer={(stats, layer) =>
          (stats.idle[layer]?.steps ?? 0) === 0
            ? 'not run in the time shown'
            : `${fixed(stats.idle[layer]?.mean ?? 0, 1)} of ${experts} idle`
        }
      />
    </Panel>
  );
}
