import type { BatchLayout } from '../../rank/batch_layout.ts';
import type { Exchange } from '../../rank/exchange.ts';
import type { LayerParts } from '../../rank/layer_input.ts';
import { RowPile } from './row_pile.ts';

const NOT_HERE = -1;

/** Rows that other ranks sent for this device's experts, each once. */
export class ArrivedRows {
  readonly pile: RowPile;
  /** Place in the pile of each row that a rank sent [ranks][rows]. */
  private readonly placeOf: Int32Array[] = [];

  constructor(
    private readonly layout: BatchLayout,
    private readonly parts: LayerParts,
    /** Whether ranks send token rows and a list of pairs, or a row a slot. */
    private readonly byPair: boolean,
  ) {
    this.pile = new RowPile(parts.hidden);
  }

  collect(exchange: Exchange, topK: number): void {
    const { layout, pile, placeOf } = this;
    pile.clear();
    for (const [source, rows] of exchange.rows.entries()) {
      if (source === this.parts.rank) continue;
      const sent = rows.length / this.parts.hidden;
      const places = placeOf[source]?.length === sent ? (placeOf[source] as Int32Array) : new Int32Array(sent);
      placeOf[source] = places.fill(NOT_HERE);
      for (let i = 0; i < layout.activeCount; i++) {
        const expert = layout.active[i] as number;
        const first = layout.sentFirst(source, expert);
        const end = first + layout.sentCount(source, expert);
        for (let index = first; index < end; index++) {
          const row = this.sentRow(exchange, source, index, topK);
          if (places[row] === NOT_HERE) places[row] = pile.add(rows, row);
        }
      }
    }
  }

  /** Place in the pile of number `index` of what a rank sent. */
  place(exchange: Exchange, source: number, index: number, topK: number): number {
    return (this.placeOf[source] as Int32Array)[this.sentRow(exchange, source, index, topK)] as number;
  }

  private sentRow(exchange: Exchange, source: number, index: number, topK: number): number {
    if (!this.byPair) return index;
    return Math.floor(((exchange.pairs[source] as Int32Array)[index] as number) / topK);
  }
}
