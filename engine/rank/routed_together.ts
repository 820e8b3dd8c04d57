import type { StackSpec } from '../families/spec.ts';
import type { RoutedTogether } from '../gating/capacity.ts';
import type { RouterRule } from '../gating/router.ts';
import type { RowPlan, StepPlan } from './messages.ts';

/** Which tokens of a stack's rows compete for places under the router's own capacity, see gating/capacity.ts. */
export function routedTogether(
  rule: RouterRule | undefined,
  stack: StackSpec['kind'],
  rows: readonly RowPlan[],
  routedAs: StepPlan['routedAs'],
): RoutedTogether[] {
  if (rule?.kind !== 'switch' && rule?.kind !== 'nllb') return [];
  const total = rows.reduce((sum, row) => sum + row.tokens.length, 0);
  if (routedAs === 'one-call' && rule.kind === 'nllb') return [{ from: 0, to: total }];
  // New tokens are decoded one by one with a cache, as the reference generates them.
  const alone = routedAs === 'sequences' && stack === 'decoder';
  const parts: RoutedTogether[] = [];
  let from = 0;
  for (const { tokens } of rows) {
    const end = from + tokens.length;
    const length = alone ? 1 : tokens.length;
    for (; from < end; from += length) parts.push({ from, to: from + length });
  }
  return parts;
}

/** 1 for padding tokens of all rows, or undefined where there are none. */
export function paddingOf(rows: readonly RowPlan[]): Uint8Array | undefined {
  if (rows.every((row) => row.mask === undefined)) return undefined;
  return Uint8Array.from(
    rows.flatMap(({ tokens, mask }) => Array.from(tokens, (_, index) => (mask?.[index] === 0 ? 1 : 0))),
  );
}
