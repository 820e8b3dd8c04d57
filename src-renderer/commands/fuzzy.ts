const RUN = 3;
const WORD_START = 4;
const TEXT_START = 2;
const GAP = 0.2;

/**
 * Score of `query` against `text`: every letter must occur in order. Runs of letters and starts of words count more, so that
 * "rp" finds "Run or pause" before "Export report". The best of all ways to place the letters counts (dynamic programme over
 * letters x places; a greedy search can walk past the only match). Undefined where it does not match.
 */
export function fuzzyScore(query: string, text: string): number | undefined {
  const wanted = query.toLowerCase().replace(/\s+/g, '');
  const found = text.toLowerCase();
  const none = Number.NEGATIVE_INFINITY;
  if (wanted === '') return 0;
  // last[j]: best score of the letters so far with the latest of them at place j.
  let last: number[] = [];
  for (let i = 0; i < wanted.length; i++) {
    const next = new Array<number>(found.length).fill(none);
    let before = none;
    for (let j = 0; j < found.length; j++) {
      if (found[j] === wanted[i]) {
        const follows = (last[j - 1] ?? none) + RUN;
        const reached = i === 0 ? 0 : Math.max(follows, before);
        next[j] = reached + (startsWord(found, j) ? WORD_START : 0) + (j === 0 ? TEXT_START : 0);
      }
      // A letter placed at j - 1 or earlier and a gap of one more.
      before = Math.max(before, last[j - 1] ?? none) - GAP;
    }
    last = next;
  }
  const best = Math.max(...last);
  return best > none ? best - found.length * 0.01 : undefined;
}

const startsWord = (text: string, index: number) => index === 0 || /[\s:,.+(-]/.test(text[index - 1] ?? '');

/** Items that match, best first; equal scores keep their order. Later texts (keywords) are weaker evidence than the first. */
export function fuzzySort<T>(query: string, items: readonly T[], textsOf: (item: T) => readonly string[]): T[] {
  const scored: { item: T; score: number }[] = [];
  for (const item of items) {
    const scores = textsOf(item).map((text, i) => (fuzzyScore(query, text) ?? Number.NEGATIVE_INFINITY) - i * 2);
    const score = Math.max(...scores);
    if (score > Number.NEGATIVE_INFINITY) scored.push({ item, score });
  }
  return scored.sort((a, b) => b.score - a.score).map(({ item }) => item);
}
