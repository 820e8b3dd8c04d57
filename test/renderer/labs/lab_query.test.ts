import { describe, expect, it } from 'vitest';
import { LabQuery, restMs } from '../../../src-renderer/labs/lab_query.ts';

/** A query over an engine that answers by hand. */
function setUp() {
  let nowMs = 0;
  const query = new LabQuery<string>(() => nowMs);
  const asked: { key: string; resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  // The first letter of a key says what the question is about.
  const question = (key: string) => ({
    key,
    about: key.charAt(0),
    ask: () => new Promise<string>((resolve, reject) => asked.push({ key, resolve, reject })),
  });
  const settled = () => new Promise((resolve) => setTimeout(resolve));
  return {
    query,
    asked,
    set: (key: string | undefined) => query.set(key === undefined ? undefined : question(key)),
    wait: (ms: number) => {
      nowMs += ms;
    },
    answer: async (index: number, text: string) => {
      asked[index]?.resolve(text);
      await settled();
    },
    fail: async (index: number, message: string) => {
      asked[index]?.reject(new Error(message));
      await settled();
    },
  };
}

describe('LabQuery', () => {
  it('asks once for the same question', async () => {
    const { query, asked, set, answer } = setUp();
    set('a');
    set('a');
    await answer(0, 'A');
    set('a');
    expect(asked).toHaveLength(1);
    expect(query.state).toMatchObject({ result: 'A', answered: 'a', isAsking: false });
  });

  it('asks one at a time, and of those that wait only the newest', async () => {
    const { query, asked, set, answer } = setUp();
    for (const key of ['a', 'b', 'c', 'd']) set(key);
    expect(asked.map(({ key }) => key)).toEqual(['a']);
    await answer(0, 'A');
    expect(asked.map(({ key }) => key)).toEqual(['a', 'd']);
    // The answer to a question that nobody asks any more is not shown.
    expect(query.state).toMatchObject({ result: undefined, isAsking: true });
    await answer(1, 'D');
    expect(query.state).toMatchObject({ result: 'D', answered: 'd', isAsking: false });
  });

  it('keeps the last answer while the next is computed, and says which question it answers', async () => {
    const { query, set, answer } = setUp();
    set('a');
    await answer(0, 'A');
    set('a, second half');
    expect(query.state).toMatchObject({ result: 'A', answered: 'a', isAsking: true });
  });

  it('shows no answer about something else', async () => {
    const { query, set, answer } = setUp();
    set('a');
    await answer(0, 'A');
    set('b');
    expect(query.state).toMatchObject({ result: undefined, isAsking: true });
    await answer(1, 'B');
    expect(query.state.result).toBe('B');
  });

  it('lets go: a late answer changes nothing, and only a new wish asks again', async () => {
    const { query, asked, set, answer } = setUp();
    set('a');
    query.cancel();
    expect(query.state).toMatchObject({ isAsking: false, isCancelled: true });
    await answer(0, 'A');
    expect(query.state.result).toBeUndefined();
    set('a');
    expect(asked).toHaveLength(1);
    query.refresh();
    await answer(1, 'again');
    expect(query.state).toMatchObject({ result: 'again', isCancelled: false });
  });

  it('keeps the reason of a failure until something else is asked', async () => {
    const { query, set, fail, answer } = setUp();
    set('a');
    await fail(0, 'trace.jsonl: line 3: expert 64 of 64.');
    expect(query.state).toMatchObject({ error: 'trace.jsonl: line 3: expert 64 of 64.', isAsking: false });
    set('b');
    expect(query.state.error).toBeUndefined();
    await answer(1, 'B');
    expect(query.state.result).toBe('B');
  });

  it('forgets all when there is nothing to ask', async () => {
    const { query, set, answer } = setUp();
    set('a');
    set(undefined);
    await answer(0, 'A');
    expect(query.state).toMatchObject({ result: undefined, isAsking: false });
  });

  it('rests three times as long as the last answer took, and two seconds at least', async () => {
    const { query, set, wait, answer } = setUp();
    set('a');
    wait(1500);
    await answer(0, 'A');
    expect(query.tookMs).toBe(1500);
    expect(restMs(query.tookMs)).toBe(4500);
    expect(restMs(10)).toBe(2000);
  });
});
