import { EngineRefusal } from '../api.ts';
import type { ExpertLife } from '../protocol/labs.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { type ExpertsQuestion, replayWatched } from './experts_map.ts';
import type { Pace } from './pace.ts';
import type { CacheWatch } from './replay_cache.ts';

/** Steps shown at most. */
const MOST_ROWS = 512;

/**
 * One layer step by step: share of each step's tokens at each expert (paper, figure of activation patterns), and one expert's life
 * in its cache.
 * @param expert absent: only the layer
 * @throws EngineRefusal for a layer or an expert that there is not
 */
export async function expertLife(
  question: ExpertsQuestion,
  layer: number,
  expert: number | undefined,
  pace: Pace,
): Promise<ExpertLife> {
  const { subject, caches, trace } = question;
  refuseAbove('layer', layer, trace.moeLayers, `${subject.name} has ${trace.moeLayers} MoE layers`);
  const steps = shownSteps(trace.steps);
  const life = { subject, caches, layer, steps, share: steps.map((step) => shares(tokensOf(trace, step, layer))) };
  if (expert === undefined) return life;
  refuseAbove('expert', expert, trace.experts, `${subject.name} has ${trace.experts} experts a layer`);
  return { ...life, expert: await lifeOf(question, layer, expert, pace) };
}

async function lifeOf(
  question: ExpertsQuestion,
  layer: number,
  expert: number,
  pace: Pace,
): Promise<ExpertLife['expert']> {
  const { trace } = question;
  const tokens = Array.from({ length: trace.steps }, (_, step) => tokensOf(trace, step, layer)[expert] as number);
  const events: { step: number; kind: Parameters<CacheWatch>[0]; tokens: number }[] = [];
  await replayWatched(question, pace, (kind, place, id) => {
    if (place.layer !== layer || id !== expert) return;
    events.push({ step: place.step, kind, tokens: tokens[place.step] ?? 0 });
  });
  return {
    id: expert,
    events,
    activeSteps: tokens.filter((count) => count > 0).length,
    loads: events.filter(({ kind }) => kind === 'load').length,
  };
}

/** All steps, or as many as are shown, evenly. */
function shownSteps(steps: number): number[] {
  const shown = Math.min(steps, MOST_ROWS);
  return Array.from({ length: shown }, (_, row) => Math.floor((row * steps) / shown));
}

/** Tokens by expert. */
function tokensOf(trace: RoutingTrace, step: number, layer: number): Float64Array {
  const ids = trace.stepIds(step);
  const pairs = ids.length / trace.moeLayers;
  const tokens = new Float64Array(trace.experts);
  for (let pair = layer * pairs; pair < (layer + 1) * pairs; pair++) {
    const expert = ids[pair] as number;
    if (expert < trace.experts) tokens[expert] = (tokens[expert] as number) + 1;
  }
  return tokens;
}

function shares(tokens: Float64Array): number[] {
  const total = tokens.reduce((sum, count) => sum + count, 0);
  return Array.from(tokens, (count) => (total === 0 ? 0 : count / total));
}

function refuseAbove(field: string, value: number, end: number, says: string): void {
  if (value >= end) throw new EngineRefusal(`${field}: ${says}; choose one from 0 to ${end - 1}, not ${value}.`);
}
