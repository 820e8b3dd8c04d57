import { expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../engine/coordinator/logits.ts';
import { devices, emitted, runTiny, tinyModel } from './tiny_run.ts';

/** The fixture's rotary positions are others from the 65th token on. */
const SWITCH = 64;

it('LongRoPE: a sequence that grows beyond the switch is computed anew, and goes on as if it had been read at once', async () => {
  const folder = 'test/fixtures/phimoe';
  const model = tinyModel(folder);
  const { vocabSize } = model.spec;
  // Prompts that end before the switch, on it, and beyond it.
  const texts = [58, SWITCH, 70].map((length) => 'a letter a token, '.repeat(5).slice(0, length));
  const settings = { prompts: { kind: 'texts', texts }, promptTokens: 80, newTokens: 12, promptCount: 3 } as const;
  const { recording } = await runTiny({ ...settings, ignoreEnd: true, devices: devices(2) }, [], model);
  const checkpoint = openCheckpoint(folder);
  for (const [sequence, tokens] of emitted(recording)) {
    expect(tokens).toHaveLength(12);
    const read = [...model.tokenizer.encode(texts[sequence] as string), ...tokens];
    const pass = (length: number) =>
      forwardLogits(folder, model.spec, checkpoint, { inputIds: [Int32Array.from(read.slice(0, length))] });
    const [short, long] = [await pass(SWITCH), await pass(read.length)];
    for (const [index, token] of tokens.entries()) {
      const length = read.length - tokens.length + index;
      const { logits } = length > SWITCH ? long : short;
      const next = logits.subarray((length - 1) * vocabSize, length * vocabSize);
      expect(token).toBe(next.indexOf(Math.max(...next)));
    }
  }
  // Both prompts that begin on the short side are read twice, once more each.
  const prefilled = recording.steps.reduce((sum, { phase }) => sum + phase.filter((kind) => kind === 0).length, 0);
  expect(prefilled).toBe(58 + SWITCH + 70 + 2 * (SWITCH + 1));
  checkpoint.close();
}, 60_000);
