import { ActiveScan, type RoutingTrace } from '../../trace/trace.ts';
import type { Figure } from '../figure.ts';
import { busiestEighth, layerCounts } from '../popularity.ts';

export interface InactiveSource {
  readonly name: string;
  readonly trace: RoutingTrace;
  /** The trace whose skew its routers were given. */
  readonly skew?: RoutingTrace;
}

/** Share of experts without a token, by layer; and the skew achieved beside that of the trace it was taken from. */
export function inactiveFigure(on: string, sources: readonly InactiveSource[]): Figure {
  const rows = sources.flatMap(({ name, trace, skew }) => {
    const scan = new ActiveScan(trace.experts);
    return Array.from({ length: trace.moeLayers }, (_, layer) => {
      let active = 0;
      for (let step = 0; step < trace.steps; step++) active += scan.scan(trace, step, layer);
      return [
        name,
        layer,
        100 * (1 - active / trace.steps / trace.experts),
        100 * busiestEighth(layerCounts(trace, layer)),
        skew === undefined ? null : 100 * busiestEighth(layerCounts(skew, layer % skew.moeLayers)),
      ];
    });
  });
  const mean = (name: string) => {
    const own = rows.filter((row) => row[0] === name);
    return own.reduce((sum, row) => sum + (row[2] as number), 0) / own.length;
  };
  return {
    id: 'inactive',
    title: 'Inactive experts per MoE layer',
    paper: 'LM and the MT encoder use nearly all experts in a batch; the MT decoder leaves about 75% without a token.',
    says: `Inactive on average: ${sources.map(({ name }) => `${name} ${mean(name).toFixed(0)}%`).join(', ')}.`,
    how: 'measured',
    on,
    columns: [
      { name: 'stack' },
      { name: 'MoE layer' },
      { name: 'inactive', unit: '%' },
      { name: 'tokens at the busiest eighth', unit: '%' },
      { name: 'in the real trace', unit: '%' },
    ],
    rows,
    drawing: { kind: 'bars', name: 1, value: 2, group: 0 },
  };
}
