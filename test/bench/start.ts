import type { Bench, Figure } from './bench.ts';
import { median } from './statistics.ts';
import { FIRST_TEXT, openStudio } from './studio_window.ts';

const STARTS = 3;
const GOAL_MS = 3000;

export const start: Bench = {
  id: 'start',
  title: 'From `npm start`, already built, to the first generated text in the window',
  figures: ['start.page_ms', 'start.first_token_ms'],
  async *run(context): AsyncGenerator<Figure> {
    const pages: number[] = [];
    const texts: number[] = [];
    for (let round = 0; round < STARTS; round++) {
      const studio = await openStudio(context);
      try {
        texts.push((await studio.evaluate<number>(FIRST_TEXT)) - studio.spawnedAtMs);
        pages.push((await studio.evaluate<number>('performance.timeOrigin')) - studio.spawnedAtMs);
      } finally {
        await studio.close();
      }
      context.log(`start: page after ${pages.at(-1)?.toFixed(0)} ms, text after ${texts.at(-1)?.toFixed(0)} ms`);
    }
    const common = { unit: 'ms', how: 'measured' } as const;
    const all = `median of ${STARTS} starts, each with a new profile`;
    yield { id: 'start.page_ms', value: median(pages), ...common, detail: `until the page begins to load, ${all}` };
    yield {
      id: 'start.first_token_ms',
      value: median(texts),
      ...common,
      detail: all,
      versus: { goal: `< ${GOAL_MS}`, met: median(texts) < GOAL_MS },
    };
  },
};
