import type { TextDelta } from '../../engine/protocol/telemetry.ts';
import { randomOf } from './fake_workload.ts';

/** Made-up continuations in the manner of the four sample files. */
const PROMPTS = [
  [
    'Once the rain had stopped',
    'the village woke and the old road ran down to the river where boats lay waiting for the tide',
  ],
  [
    'def read_header(stream):',
    'size = stream.read(4)\n    if size is None: return None\n    return Header(size, stream.position)',
  ],
  ['La commande affiche', 'la liste des fichiers du dossier courant et leur taille en octets quand cela est possible'],
  ['The scheduler keeps', 'a list of pages that belong to each zone and moves them when the pressure on memory grows'],
] as const;

const SEQUENCE_TOKENS = 256;

/** Text of the sequences in flight, a few tokens per call. */
export class FakeText {
  done = 0;
  private readonly rows: { sequence: number; tokens: number }[];
  private started: boolean[];
  private nextSequence: number;
  private readonly random = randomOf(5);

  constructor(batch: number) {
    this.rows = Array.from({ length: batch }, (_, row) => ({ sequence: row, tokens: row * 21 }));
    this.started = this.rows.map(() => false);
    this.nextSequence = batch;
  }

  next(tokens: number, missShare: number): TextDelta[] {
    return this.rows.map((state, row) => {
      const [prompt, continuation] = PROMPTS[state.sequence % PROMPTS.length] ?? PROMPTS[0];
      const wordsOf = continuation.split(' ');
      const pieces = Array.from({ length: tokens }, (_, i) => ({
        text: ` ${wordsOf[(state.tokens + i) % wordsOf.length]}`,
        waited: this.random() < missShare * 4,
      }));
      const first = !this.started[row];
      this.started[row] = true;
      state.tokens += tokens;
      const delta = { sequence: state.sequence, row, pieces, ...(first ? { prompt } : {}) };
      if (state.tokens < SEQUENCE_TOKENS) return delta;
      state.tokens = 0;
      state.sequence = this.nextSequence++;
      this.started[row] = false;
      this.done++;
      return { ...delta, done: true };
    });
  }
}
