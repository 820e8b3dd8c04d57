import type { RunRecording } from '../../protocol/run_recording.ts';

const MOST_SAMPLES = 6;
const MOST_PROMPT_CHARACTERS = 240;
const MOST_TEXT_CHARACTERS = 400;

/** Part of a generated text whose tokens all did, or all did not, wait for an expert to load. */
export interface TextRun {
  readonly text: string;
  readonly waited: boolean;
}

export interface TextSample {
  readonly sequence: number;
  readonly prompt: string;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly waitedTokens: number;
  readonly runs: readonly TextRun[];
}

/** The first sequences, prompts shortened at their start and texts at their end. */
export function textSamples({ sequences, steps }: RunRecording): TextSample[] {
  const chosen = sequences.slice(0, MOST_SAMPLES);
  const bySequence = new Map<number, { tokens: number; waited: number; characters: number; runs: TextRun[] }>();
  for (const { sequence } of chosen) bySequence.set(sequence, { tokens: 0, waited: 0, characters: 0, runs: [] });
  for (const { emitted } of steps) {
    for (const [sequence, , waited, text = ''] of emitted) {
      const sample = bySequence.get(sequence);
      if (sample === undefined) continue;
      sample.tokens++;
      sample.waited += waited;
      if (sample.characters > MOST_TEXT_CHARACTERS || text === '') continue;
      sample.characters += text.length;
      const last = sample.runs.at(-1);
      if (last?.waited === (waited === 1)) sample.runs[sample.runs.length - 1] = { ...last, text: last.text + text };
      else sample.runs.push({ text, waited: waited === 1 });
    }
  }
  return chosen.map(({ sequence, prompt, tokens }) => {
    const { tokens: newTokens = 0, waited = 0, characters = 0, runs = [] } = bySequence.get(sequence) ?? {};
    const cut = characters > MOST_TEXT_CHARACTERS;
    return {
      sequence,
      prompt: prompt.length > MOST_PROMPT_CHARACTERS ? `… ${prompt.slice(-MOST_PROMPT_CHARACTERS)}` : prompt,
      promptTokens: tokens.length,
      newTokens,
      waitedTokens: waited,
      runs: cut ? [...runs, { text: ' …', waited: false }] : runs,
    };
  });
}
