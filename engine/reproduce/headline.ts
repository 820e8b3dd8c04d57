import { type Claim, type ClaimId, claim } from './claims.ts';
import type { GatingResult } from './compare_gating.ts';
import { LM_BATCH, LM_LENGTH, type LmMeasure } from './measure_lm.ts';
import { MT_BATCH, MT_SOURCE_LENGTH, type MtMeasure } from './measure_mt.ts';

const of = (results: readonly GatingResult[], name: string): GatingResult => {
  const found = results.find(({ variant }) => variant.name === name);
  if (found === undefined) throw new Error(`no ${name} among the results`);
  return found;
};

/** Dynamic over static and over the faster of Tutel's two settings: the baseline at its best. */
function overBaselines(
  prefix: 'lm' | 'mt_encoder' | 'mt_decoder',
  results: readonly GatingResult[],
  on: string,
): Claim[] {
  const dynamic = of(results, 'dynamic').stepMs;
  const tutel = [of(results, 'Tutel, same capacity'), of(results, 'Tutel, dropless')];
  const faster = tutel.reduce((a, b) => (b.stepMs < a.stepMs ? b : a));
  return [
    claim(`${prefix}.dynamic_over_static`, of(results, 'static').stepMs / dynamic, 'measured', on),
    claim(`${prefix}.dynamic_over_tutel`, faster.stepMs / dynamic, 'measured', `${on}, against ${faster.variant.name}`),
  ];
}

export function lmClaims({ shape, results }: LmMeasure): Claim[] {
  const on = `scaled LM shape, ${LM_BATCH} sequences of ${LM_LENGTH} tokens, C = ${shape.capacity}, one CPU device`;
  return [...overBaselines('lm', results, on), activationClaim('lm.activation_memory_saved', results, on)];
}

export function mtClaims({ shape, encoder, decoder }: MtMeasure): Claim[] {
  const sentences = `scaled MT shape, ${MT_BATCH} sentences, C = ${shape.capacity}, one CPU device`;
  return [
    ...overBaselines('mt_encoder', encoder, `${sentences}, sources of ${MT_SOURCE_LENGTH} tokens`),
    ...overBaselines('mt_decoder', decoder, `${sentences}, one new token each`),
    activationClaim('mt.activation_memory_saved', encoder, sentences),
  ];
}

function activationClaim(id: ClaimId, results: readonly GatingResult[], on: string): Claim {
  const saved = 1 - of(results, 'dynamic').activationBytes / of(results, 'static').activationBytes;
  return claim(id, 100 * saved, 'measured', `${on}; highest of gating, reorder and expert execution in the ledger`);
}
