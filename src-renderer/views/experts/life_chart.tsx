import '../../labs/plot_axes.css';
import { useMemo } from 'react';
import type { ExpertLife } from '../../../engine/protocol/labs.ts';
import { useSize } from '../../charts/use_size.ts';
import { count } from '../../format/numbers.ts';
import { valueAxis } from '../../labs/plot_scale.ts';
import { lifeSays, stays } from './expert_figures.ts';

interface LifeChartProps {
  readonly life: ExpertLife;
  readonly expert: NonNullable<ExpertLife['expert']>;
}

const LEFT_PX = 40;
const RIGHT_PX = 12;
const TOP_PX = 24;
const BAND_PX = 14;
const FOOT_PX = 44;

/** Tokens by step, coloured by what the cache did, and below it when the expert was resident. Paths, not elements: runs are long. */
export function LifeChart({ life, expert }: LifeChartProps) {
  const { element, size } = useSize<HTMLDivElement>();
  const steps = Math.max(1, life.subject.steps);
  const most = Math.max(1, ...expert.events.map(({ tokens }) => tokens));
  const axis = valueAxis(most, 2);
  const bottom = size.height - FOOT_PX;
  const right = size.width - RIGHT_PX;
  const perStep = Math.max(0.01, (right - LEFT_PX) / steps);
  const drawn = useMemo(() => {
    const x = (step: number) => LEFT_PX + step * perStep;
    const y = (tokens: number) => bottom - (tokens / axis.max) * (bottom - TOP_PX);
    const columns = (kind: 'hit' | 'load' | 'compute') =>
      expert.events
        .filter((event) => event.kind === kind)
        .map(({ step, tokens }) => `M${(x(step) + perStep / 2).toFixed(1)} ${bottom}V${y(tokens).toFixed(1)}`)
        .join('');
    const marks = (kind: 'load' | 'evict') =>
      expert.events
        .filter((event) => event.kind === kind)
        .map(({ step }) => `M${x(step).toFixed(1)} ${bottom + 4}v${BAND_PX}`)
        .join('');
    const bands = stays(expert, steps)
      .map(
        ({ from, to }) =>
          `M${x(from).toFixed(1)} ${bottom + 4}H${Math.max(x(to), x(from) + 1).toFixed(1)}v${BAND_PX}H${x(from).toFixed(1)}z`,
      )
      .join('');
    return {
      hits: columns('hit'),
      loads: columns('load'),
      computed: columns('compute'),
      bands,
      loadMarks: marks('load'),
      evictMarks: marks('evict'),
    };
  }, [expert, steps, axis.max, bottom, perStep]);
  const width = Math.max(1, Math.min(6, perStep * 0.8));
  return (
    <div ref={element} className="plot life-chart">
      {size.width > 0 && (
        <svg width={size.width} height={size.height} role="img" aria-label={lifeSays(life)}>
          <text className="lp-tick" x={LEFT_PX} y={12}>
            tokens
          </text>
          <Keys x={right} />
          {axis.ticks.map((tick) => {
            const y = bottom - (tick / axis.max) * (bottom - TOP_PX);
            return (
              <g key={tick}>
                <line className="lp-grid" x1={LEFT_PX} x2={right} y1={y} y2={y} />
                <text className="lp-tick" x={LEFT_PX - 8} y={y + (tick === 0 ? 0 : 4)} textAnchor="end">
                  {Number.isInteger(tick) ? count(tick) : ''}
                </text>
              </g>
            );
          })}
          <path className="life-hits" d={drawn.hits} style={{ strokeWidth: width }} />
          <path className="life-loads" d={drawn.loads} style={{ strokeWidth: Math.max(1.5, width) }} />
          <path className="life-computed" d={drawn.computed} style={{ strokeWidth: Math.max(1.5, width) }} />
          <path className="life-bands" d={drawn.bands} />
          <path className="life-load-marks" d={drawn.loadMarks} />
          <path className="life-evict-marks" d={drawn.evictMarks} />
          <text className="lp-tick" x={LEFT_PX} y={size.height - 8}>
            step 0
          </text>
          <text className="lp-tick" x={right} y={size.height - 8} textAnchor="end">
            {count(steps)}
          </text>
        </svg>
      )}
    </div>
  );
}

const KEYS = [
  ['resident', 'life-key-band', 58],
  ['loaded', 'life-key-load', 50],
  ['hit', 'life-key-hit', 28],
] as const;

function Keys({ x }: { readonly x: number }) {
  let left = x;
  return KEYS.map(([text, className, width]) => {
    left -= width + 8;
    return (
      <g key={text}>
        <rect className={className} x={left} y={4} width={8} height={8} rx={2} />
        <text className="lp-tick" x={left + 12} y={12}>
          {text}
        </text>
      </g>
    );
  });
}
