/** A label that wants to stand at `at`; positions are centres, in pixels. */
export interface WantedLabel {
  readonly at: number;
  /** Larger stays when there is no room for all. */
  readonly weight: number;
}

interface Cluster {
  indices: number[];
  centre: number;
}

/**
 * Places labels of equal height in a column [0, length] without overlap, each as near to where it belongs as the others allow,
 * in the order of their wanted positions. Neighbours that collide are merged into a block centred on their mean (the pool
 * adjacent violators rule), which minimises the squared displacement. Labels of least weight are left out where the column
 * cannot hold all: their entry is undefined.
 */
export function layOutLabels(
  labels: readonly WantedLabel[],
  labelSize: number,
  length: number,
): readonly (number | undefined)[] {
  const room = Math.max(0, Math.floor(length / labelSize));
  const kept = labels
    .map((_, index) => index)
    .sort((a, b) => (labels[b]?.weight ?? 0) - (labels[a]?.weight ?? 0) || a - b)
    .slice(0, room)
    .sort((a, b) => (labels[a]?.at ?? 0) - (labels[b]?.at ?? 0) || a - b);

  const clusters: Cluster[] = [];
  for (const index of kept) {
    let cluster: Cluster = { indices: [index], centre: clamp(labels[index]?.at ?? 0, labelSize, 1, length) };
    for (let above = clusters.at(-1); above !== undefined; above = clusters.at(-1)) {
      const reach = ((above.indices.length + cluster.indices.length) * labelSize) / 2;
      if (cluster.centre - above.centre >= reach) break;
      clusters.pop();
      const indices = [...above.indices, ...cluster.indices];
      // Each member wants the block's centre to lie where it would stand itself.
      const wanted = indices.map((i, place) => (labels[i]?.at ?? 0) - (place - (indices.length - 1) / 2) * labelSize);
      const mean = wanted.reduce((sum, at) => sum + at, 0) / wanted.length;
      cluster = { indices, centre: clamp(mean, labelSize, indices.length, length) };
    }
    clusters.push(cluster);
  }

  const placed: (number | undefined)[] = labels.map(() => undefined);
  for (const { indices, centre } of clusters) {
    indices.forEach((index, place) => {
      placed[index] = centre + (place - (indices.length - 1) / 2) * labelSize;
    });
  }
  return placed;
}

function clamp(centre: number, labelSize: number, count: number, length: number): number {
  const half = (labelSize * count) / 2;
  return Math.min(Math.max(centre, half), Math.max(half, length - half));
}

export interface WantedMark {
  /** Pixel of the line. */
  readonly at: number;
  /** Width of the label's text, pixels. */
  readonly width: number;
}

export interface PlacedMark {
  readonly index: number;
  /** Left edge of the label; absent where it would cover a newer one's: the line then stands alone. */
  readonly labelLeft?: number;
}

/**
 * Labels of vertical marks in one row, the newest (last) first: beside their line, on its left where the right side is full,
 * and never across another mark's line.
 */
export function layOutMarks(marks: readonly WantedMark[], length: number, gap: number): readonly PlacedMark[] {
  const taken: { from: number; to: number }[] = [];
  const placed: PlacedMark[] = [];
  for (let index = marks.length - 1; index >= 0; index--) {
    const mark = marks[index];
    if (mark === undefined || mark.at < 0 || mark.at > length) continue;
    const left = [mark.at + gap, mark.at - gap - mark.width].find(
      (from) =>
        from >= 0 &&
        from + mark.width <= length &&
        marks.every((other, i) => i === index || other.at < from || other.at > from + mark.width) &&
        taken.every((other) => from + mark.width + gap <= other.from || from >= other.to + gap),
    );
    if (left !== undefined) taken.push({ from: left, to: left + mark.width });
    placed.push(left === undefined ? { index } : { index, labelLeft: left });
  }
  return placed.reverse();
}
