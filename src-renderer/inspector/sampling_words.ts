import type { ModelSampling } from '../../engine/protocol/model.ts';
import type { Sampling } from '../../engine/protocol/settings.ts';
import { count } from '../format/numbers.ts';

type Words = Readonly<Record<Exclude<keyof Sampling, 'seed'>, string>>;

/** What each setting comes to; where the model's makers ask for another value, theirs is named. */
export function samplingSays(
  { temperature, topK, topP, repetitionPenalty }: Sampling,
  own: ModelSampling | undefined,
): Words {
  const beside = (setting: keyof ModelSampling, value: number, words: string) => {
    const theirs = own?.[setting];
    if (theirs === undefined) return words;
    return theirs === value ? `${words}, as the model asks` : `${words}; the model asks for ${theirs}`;
  };
  return {
    temperature: beside(
      'temperature',
      temperature,
      temperature === 0 ? 'Always the likeliest token' : 'Same seed, same text',
    ),
    topK: beside('topK', topK, topK === 0 ? 'From all tokens' : `From the likeliest ${count(topK)}`),
    topP: beside(
      'topP',
      topP,
      topP === 1 ? 'None of them left out' : `Of those, the first ${+(topP * 100).toFixed(1)}%`,
    ),
    repetitionPenalty: beside(
      'repetitionPenalty',
      repetitionPenalty,
      repetitionPenalty === 1 ? 'Tokens may repeat' : 'Tokens in the text count less',
    ),
  };
}
