import { platform } from 'node:process';
import type { Card } from './card.ts';
import { readCards } from './read_cards.ts';

/** Whoever looks more often gets the last look again. On Windows each one starts PowerShell, which takes a second of a core. */
const FRESH_MS = platform === 'win32' ? 5000 : 900;

let last: { readonly cards: readonly Card[]; readonly atMs: number } | undefined;
let looking: Promise<readonly Card[]> | undefined;

/** The cards as of a moment ago. Nothing is read while nobody asks, and never twice at once. */
export async function sampleCards(): Promise<readonly Card[]> {
  if (last !== undefined && performance.now() - last.atMs < FRESH_MS) return last.cards;
  looking ??= look().finally(() => {
    looking = undefined;
  });
  return looking;
}

async function look(): Promise<readonly Card[]> {
  const cards = await readCards();
  last = { cards, atMs: performance.now() };
  return cards;
}
