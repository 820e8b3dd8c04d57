import type { PrecisionRow } from '../../engine/protocol/precision.ts';
import { percentText } from '../format/numbers.ts';

/** What the chosen precision did to the model, in words. */
export function priceSays(stored: PrecisionRow, chosen: PrecisionRow): string {
  if (chosen === stored) return 'As stored: the others are compared with this.';
  const routed = `${percentText(chosen.agreement)} of choices of experts are the same`;
  if (chosen.perplexity === null || stored.perplexity === null) return `${routed}.`;
  const more = chosen.perplexity / stored.perplexity - 1;
  return `Perplexity ${more < 0 ? '−' : '+'}${(100 * Math.abs(more)).toFixed(2)}%; ${routed}.`;
}
