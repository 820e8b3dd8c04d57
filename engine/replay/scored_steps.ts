import type { Scored } from '../protocol/labs.ts';
import type { RoutingTrace } from '../trace/trace.ts';

const DECODE = 1;

/**
 * Which steps count. `decode-second-half`: of the steps that have a new token, the second half (the longer one where they are
 * odd in number); the first half and the prompts only fill the caches.
 * @returns 1 where a step counts [steps]
 */
export function scoredSteps(trace: RoutingTrace, rule: Scored): Uint8Array {
  const { steps } = trace;
  if (rule === 'all') return new Uint8Array(steps).fill(1);
  const decoding = Array.from({ length: steps }, (_, step) => step).filter((step) =>
    trace.step(step).phase.includes(DECODE),
  );
  const scored = new Uint8Array(steps);
  for (const step of decoding.slice(Math.floor(decoding.length / 2))) scored[step] = 1;
  return scored;
}
