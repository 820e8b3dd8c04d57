import type { ReplayPolicy } from '../protocol/labs.ts';

/** Misses of one policy at one size, and what they are made of. */
interface Losses {
  readonly accesses: number;
  readonly misses: number;
  readonly minMisses: number;
  readonly coldMisses: number;
  /** Whether the policy had experts loaded ahead, as MIN had not. */
  readonly loadsAhead?: boolean;
}

const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)}%`;

/** What a policy loses at a size, in words: first uses, which no cache avoids; the size, which MIN shows; the policy itself. */
export function verdictOf(policy: ReplayPolicy, losses: Losses): string {
  const { accesses, misses, minMisses, coldMisses, loadsAhead } = losses;
  const [cold, capacity, own] = [coldMisses, minMisses - coldMisses, misses - minMisses];
  if (misses === 0) return 'Nothing is missed.';
  const parts = `first uses ${percent(cold, accesses)}, size ${percent(capacity, accesses)}, policy ${percent(own, accesses)}`;
  if (policy === 'min') return `The floor at this size: ${percent(misses, accesses)} missed (${parts}).`;
  if (own < 0 && loadsAhead)
    return `Loads ahead save more than the policy loses: MIN, without them, would miss ${percent(minMisses, accesses)}, this ${percent(misses, accesses)}.`;
  if (own < 0)
    return `Less than MIN in these steps: it gives up experts of the step itself, as MIN may not, or paid in steps not scored (${parts}).`;
  if (own > cold && own > capacity)
    return `The policy is the limit: MIN would miss only ${percent(minMisses, accesses)} (${parts}).`;
  if (cold >= capacity) return `First uses are the limit: no cache avoids ${percent(cold, accesses)} (${parts}).`;
  return `The size is the limit: even MIN misses ${percent(minMisses, accesses)} (${parts}).`;
}
