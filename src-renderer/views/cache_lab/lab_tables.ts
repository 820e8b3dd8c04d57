import type { CacheTable, ReplayPolicy } from '../../../engine/protocol/labs.ts';
import { capitalize, layerName } from '../../format/layer_names.ts';
import { count, fixed, percent } from '../../format/numbers.ts';
import type { TableData } from '../../labs/table_data.ts';
import { layerSlots, lossesAt, ranked } from './losses.ts';

/** Tables of the Cache lab. Values go to the CSV in full, texts are for the eye. */

/** A row a policy, a column a size: miss rates in percent. */
export function missTable(table: CacheTable, chosen: ReplayPolicy): TableData {
  return {
    columns: [
      { title: 'Miss rate, %', isText: true },
      ...table.slots.map((slots) => ({ title: count(slots), unit: 'slots' })),
    ],
    rows: table.rows.map(({ policy, title, missRate }) => ({
      key: policy,
      isMarked: policy === chosen,
      cells: [{ text: title }, ...missRate.map((rate) => ({ text: percent(rate), value: rate }))],
    })),
  };
}

/** The same with everything else that is known, one line a policy and size: for a program. */
export function tidyTable(table: CacheTable): TableData {
  const exact = (value: number) => ({ text: String(value), value });
  return {
    columns: [
      { title: 'policy', isText: true },
      { title: 'slots', unit: 'per layer and device' },
      { title: 'miss rate', unit: 'share of requests' },
      { title: 'misses' },
      { title: 'misses per step', unit: 'slowest device' },
      { title: 'cold', unit: 'share of requests' },
      { title: 'capacity', unit: 'share of requests' },
      { title: 'policy loss', unit: 'share of requests' },
    ],
    rows: table.rows.flatMap((row) =>
      table.slots.map((slots, size) => {
        const { cold, capacity, policy } = lossesAt(table, row, size);
        return {
          key: `${row.policy} ${slots}`,
          cells: [
            { text: row.policy },
            exact(slots),
            exact(row.missRate[size] ?? 0),
            exact(row.misses[size] ?? 0),
            exact(row.missesPerStep[size] ?? 0),
            exact(cold),
            exact(capacity),
            exact(policy),
          ],
        };
      }),
    ),
  };
}

export function lossTable(table: CacheTable, size: number, chosen: ReplayPolicy): TableData {
  const share = (value: number) => ({ text: percent(value), value });
  return {
    columns: [
      { title: 'Policy', isText: true },
      { title: 'Miss rate, %', unit: 'share of requests' },
      { title: 'Cold, %', unit: 'share of requests' },
      { title: 'Size, %', unit: 'share of requests' },
      { title: 'Policy, %', unit: 'share of requests' },
    ],
    rows: ranked(table, size).map((row) => {
      const { cold, capacity, policy, hits } = lossesAt(table, row, size);
      return {
        key: row.policy,
        isMarked: row.policy === chosen,
        cells: [{ text: row.title }, share(1 - hits), share(cold), share(capacity), share(policy)],
      };
    }),
  };
}

export function layerTable(table: CacheTable, size: number): TableData {
  return {
    columns: [
      { title: 'Layer', isText: true },
      { title: 'Misses' },
      { title: 'Equal', unit: 'slots' },
      { title: 'Dealt', unit: 'slots' },
      { title: 'Difference', unit: 'slots' },
    ],
    rows: layerSlots(table, size).map(({ misses, equal, dealt }, layer) => ({
      key: String(layer),
      cells: [
        { text: capitalize(layerName(table.subject.moeLayers, layer)) },
        { text: count(misses), value: misses },
        { text: count(equal), value: equal },
        { text: count(dealt), value: dealt },
        { text: `${dealt > equal ? '+' : ''}${fixed(dealt - equal, 0)}`, value: dealt - equal },
      ],
    })),
  };
}
