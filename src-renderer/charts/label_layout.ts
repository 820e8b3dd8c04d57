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
  /** Pixel of the line, ascending. */
  readonly at: number;
  /** Width of the label's text, pixels. */
  readonly width: number;
}

export interface PlacedMark {
  readonly index: number;
  /** Absent where there is no room: the line then stands alone. */
  readonly label?: { readonly left: number; readonly width: number };
}

/** A label is shortened to no less than this, otherwise left out. */
const LEAST_LABEL_PX = 48;

/**
 * Labels of vertical marks in one row, the newest (last) first: on the right of their line where that side is free, else on the
 * left, shortened where neither side holds them whole. Labels cover neither each other nor another mark's line.
 * Lines lie in [0, length], labels may reach on to `reach`.
 */
export function layOutMarks(
  marks: readonly WantedMark[],
  length: number,
  gap: number,
  reach = length,
): readonly PlacedMark[] {
  const lines = marks.flatMap(({ at }, index) => (at >= 0 && at <= length ? [{ index, at }] : []));
  const placed: PlacedMark[] = [];
  // What stands to the right of the mark in hand: the newer line or, where that one has its label on the left, the label.
  let wall = reach + gap;
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i];
    if (line === undefined) continue;
    const { index, at } = line;
    const wanted = marks[index]?.width ?? 0;
    const right = wall - at - 2 * gap;
    const left = at - gap - (i === 0 ? 0 : (lines[i - 1]?.at ?? 0) + gap);
    const goesRight = right >= wanted || right >= left;
    const width = Math.min(wanted, goesRight ? right : left);
    const hasLabel = width >= Math.min(wanted, LEAST_LABEL_PX);
    const labelLeft = goesRight ? at + gap : at - gap - width;
    placed.push(hasLabel ? { index, label: { left: labelLeft, width } } : { index });
    wall = hasLabel && !goesRight ? labelLeft : at;
  }
  return placed.reverse();
}
