import { uniform } from '../../engine/checkpoint/random_weights.ts';
import { compareGating } from '../../engine/coordinator/compare_gating.ts';
import { heldOut } from '../../engine/coordinator/gating_lab.ts';
import { openModel } from '../../engine/coordinator/open_model.ts';
import { createPlan } from '../../engine/gating/dispatch_plan.ts';
import { type RouterRule, routeToken } from '../../engine/gating/router.ts';
import { sortPairs } from '../../engine/gating/sort_pairs.ts';
import { GatingName } from '../../engine/protocol/settings.ts';
import { type Bench, type BenchContext, type Figure, ratioTo } from './bench.ts';
import { interleave, median, pairedRatio, timed } from './statistics.ts';

const TOKENS = 512;
const EXPERTS = 64;
const RULE: RouterRule = { kind: 'softmax', topK: 4, renormalise: true };
const REPEATS = 20;
/** The least capacity at which static gating drops nothing of the demo model's text, so that all policies do the same work. */
const CAPACITY = 0.25;
const BATCH = 8;
const SEQUENCE_TOKENS = 32;
const ROUNDS = 9;

export const gating: Bench = {
  id: 'gating',
  title: 'Microseconds of routing and planning one layer at 512 tokens; tokens per second under every gating policy',
  figures: [
    'gating.dynamic_us',
    'gating.dynamic_us.route',
    'gating.dynamic_us.plan',
    ...GatingName.options.map((name) => `gating.tokens_s.${name}`),
  ],
  async *run(context): AsyncGenerator<Figure> {
    const next = uniform(7);
    const logits = Float32Array.from({ length: TOKENS * EXPERTS }, () => next() * 8 - 4);
    const ids = new Uint16Array(TOKENS * RULE.topK);
    const weights = new Float32Array(ids.length);
    const plan = createPlan(EXPERTS, RULE.topK);
    const route = () => {
      for (let token = 0; token < TOKENS; token++) {
        routeToken(RULE, logits, token * EXPERTS, EXPERTS, ids, weights, token * RULE.topK);
      }
    };
    const repeated = (work: () => void) => async () =>
      ((await timed(() => {
        for (let i = 0; i < REPEATS; i++) work();
      })) *
        1000) /
      REPEATS;
    route();
    const samples = await interleave(
      {
        route: repeated(route),
        plan: repeated(() => sortPairs(plan, ids, 0, TOKENS)),
        sort: repeated(() => sortPlan(ids)),
      },
      { rounds: 31, warmUp: true },
    );
    const common = { unit: 'us/layer', how: 'measured' } as const;
    const whole = samples.route.map((us, round) => us + (samples.plan[round] as number));
    const detail = `${TOKENS} tokens, ${EXPERTS} experts, top ${RULE.topK}`;
    yield {
      id: 'gating.dynamic_us',
      value: median(whole),
      ...common,
      detail,
      versus: { goal: '< 1000', met: median(whole) < 1000 },
    };
    yield { id: 'gating.dynamic_us.route', value: median(samples.route), ...common, detail: 'softmax and top k' };
    yield {
      id: 'gating.dynamic_us.plan',
      value: median(samples.plan),
      ...common,
      detail: 'counting sort',
      versus: { baseline: 'argsort and bincount', ratio: pairedRatio(samples.plan, samples.sort) },
    };
    yield* await policies(context);
  },
};

/** The same tokens through every policy, in turn on one rank. */
async function policies({ model: folder, rankEntry, log }: BenchContext): Promise<Figure[]> {
  const model = openModel(folder);
  const rows = await compareGating(model, {
    rankEntry,
    sequences: heldOut(model, BATCH, SEQUENCE_TOKENS),
    policies: GatingName.options.map((name) => ({ gating: name, capacity: CAPACITY, tutelFactor: 0 })),
    rounds: ROUNDS,
  });
  const found = rows.filter((row) => row !== undefined);
  const padded = found.find(({ policy }) => policy === 'static');
  for (const { title, stepMs, wasteFactor } of found)
    log(`gating: ${title} ${stepMs.toFixed(1)} ms a step, waste ${wasteFactor.toFixed(2)}`);
  return found.map(({ policy, tokensPerSecond, wasteFactor, droppedPairs }) => ({
    id: `gating.tokens_s.${policy}`,
    value: tokensPerSecond,
    unit: 'tok/s',
    how: 'measured',
    ...(padded && { versus: ratioTo('gating.tokens_s.static', tokensPerSecond, padded.tokensPerSecond) }),
    detail: `prompt step of ${BATCH * SEQUENCE_TOKENS} tokens, demo-lm, C ${CAPACITY}, waste ${wasteFactor.toFixed(2)}, ${droppedPairs} pairs dropped a layer, median of ${ROUNDS} in turn`,
  }));
}

/** Steps 2 and 3 of the paper taken literally: a stable argsort by expert, then a count. */
function sortPlan(ids: Uint16Array): { order: Uint32Array; counts: Int32Array } {
  const order = Uint32Array.from(ids, (_, pair) => pair).sort((a, b) => (ids[a] as number) - (ids[b] as number));
  const counts = new Int32Array(EXPERTS);
  for (const expert of ids) counts[expert] = (counts[expert] as number) + 1;
  return { order, counts };
}
