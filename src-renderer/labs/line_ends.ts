import { layOutLabels } from '../charts/label_layout.ts';

export interface LineEnd {
  readonly id: string;
  /** Where the line ends, pixels from the plot's top. */
  readonly y: number;
  /** Orders labels whose lines end at the same height, highest first. */
  readonly rank: number;
  /** Stays longest where there is no room for all. */
  readonly weight: number;
}

export interface PlacedEnd {
  readonly id: string;
  /** Middle of the label, pixels from the plot's top. */
  readonly at: number;
  /** Where its line ends: joined with the label by a leader where the two differ. */
  readonly y: number;
}

/**
 * Labels beside the ends of lines, none over another, each as near to its line as the others allow. Lines that end in one point
 * fan out in the order they had before (`rank`), so that leaders do not cross.
 */
export function placeEnds(ends: readonly LineEnd[], labelHeight: number, height: number): readonly PlacedEnd[] {
  const sorted = [...ends].sort((a, b) => a.y - b.y || b.rank - a.rank);
  const placed = layOutLabels(
    sorted.map(({ y, weight }) => ({ at: y + labelHeight / 2, weight })),
    labelHeight,
    height + labelHeight,
  );
  return sorted.flatMap(({ id, y }, index) => {
    const at = placed[index];
    return at === undefined ? [] : [{ id, y, at: at - labelHeight / 2 }];
  });
}
