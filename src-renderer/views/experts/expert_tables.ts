import type { ExpertLife, ExpertsMap } from '../../../engine/protocol/labs.ts';
import { count, percent } from '../../format/numbers.ts';
import type { TableData } from '../../labs/table_data.ts';
import { layerTitle, residencyText } from './expert_figures.ts';

const exact = (value: number) => ({ text: count(value), value });

/** One line a layer and expert that got a token. */
export function mapTable(map: ExpertsMap): TableData {
  return {
    columns: [
      { title: 'Layer', isText: true },
      { title: 'Expert' },
      { title: 'Tokens' },
      { title: 'Hits' },
      { title: 'Misses' },
      { title: 'At the end', isText: true },
    ],
    rows: map.tokens.flatMap((row, layer) =>
      row.flatMap((tokens, expert) =>
        tokens === 0
          ? []
          : [
              {
                key: `${layer} ${expert}`,
                cells: [
                  { text: layerTitle(map, layer) },
                  exact(expert),
                  exact(tokens),
                  exact(map.hits[layer]?.[expert] ?? 0),
                  exact(map.misses[layer]?.[expert] ?? 0),
                  { text: residencyText(map, map.residentOn[layer]?.[expert] ?? -1).replace(' at the end', '') },
                ],
              },
            ],
      ),
    ),
  };
}

export function concentrationTable(map: ExpertsMap): TableData {
  const share = (value: number) => ({ text: percent(value), value });
  return {
    columns: [
      { title: 'Layer', isText: true },
      { title: 'At the busiest eighth, %', unit: 'share of tokens' },
      { title: 'Same in both halves, %', unit: 'share of them' },
    ],
    rows: map.concentration.map((value, layer) => ({
      key: String(layer),
      cells: [{ text: layerTitle(map, layer) }, share(value), share(map.stability[layer] ?? 0)],
    })),
  };
}

/** What happened to one expert, step by step. */
export function lifeTable({ expert }: ExpertLife): TableData {
  return {
    columns: [{ title: 'Step', isText: true }, { title: 'Event', isText: true }, { title: 'Tokens' }],
    rows: (expert?.events ?? []).map(({ step, kind, tokens }, index) => ({
      key: String(index),
      cells: [
        { text: count(step), value: step },
        {
          text: { hit: 'found resident', load: 'loaded', compute: 'computed on the host', evict: 'evicted' }[kind],
          value: kind,
        },
        exact(tokens),
      ],
    })),
  };
}
