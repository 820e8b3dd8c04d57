import { LEDGER_CATEGORIES, type LedgerCategory } from '../../../engine/protocol/telemetry.ts';
import type { ChartTheme } from '../../charts/chart_theme.ts';
import type { LineSeriesOption } from '../../charts/echarts.ts';

/** The seven ledger categories as a stack, bottom first; shared by the chart over time and the zoom into one step. */

export const CATEGORY_NAMES: Record<LedgerCategory, string> = {
  embedding: 'embedding',
  attention: 'attention',
  otherDense: 'other dense',
  experts: 'experts',
  kvCache: 'KV cache',
  gatingReorder: 'gating',
  expertExecution: 'execution',
};

/** Stacked from what stands still to what moves, so that the moving parts do not lift the still ones. */
export const STACK_ORDER: readonly number[] = LEDGER_CATEGORIES.map((_, category) => category);

export const ledgerSeriesId = (category: number): string => LEDGER_CATEGORIES[category] ?? 'embedding';

export function ledgerSeries(theme: ChartTheme, steps: 'end' | false): LineSeriesOption[] {
  return STACK_ORDER.map(
    (category): LineSeriesOption => ({
      id: ledgerSeriesId(category),
      type: 'line',
      stack: 'ledger',
      step: steps,
      silent: true,
      showSymbol: false,
      dimensions: ['x', 'y'],
      encode: { x: 'x', y: 'y' },
      lineStyle: { width: 0 },
      areaStyle: { color: theme.categories[category], opacity: 0.9 },
    }),
  );
}
