import { greedy } from '../balancing/greedy.ts';
import { contiguous } from '../balancing/placement.ts';
import { loadHistory } from '../replay/load_history.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { type Claim, type ClaimId, claim } from './claims.ts';
import type { Figure } from './figure.ts';
import { balanceFigure, placementsOf, row } from './figures/balance.ts';
import { cacheCostFigure, measureCacheCost } from './figures/cache_cost.ts';
import { denseFigure, medianStepMs } from './figures/dense.ts';
import { inactiveFigure } from './figures/inactive.ts';
import { memoryFigures } from './figures/memory.ts';
import { CACHE_DEVICES, missRateFigures } from './figures/miss_rate.ts';
import { modelsTable } from './figures/models.ts';
import { phasesFigure } from './figures/phases.ts';
import { throughputFigure } from './figures/throughput.ts';
import { contenders, type GatingVariant } from './gating_trial.ts';
import { lmClaims, mtClaims } from './headline.ts';
import { LM_BATCH, LM_LENGTH, measureLm } from './measure_lm.ts';
import { MT_BATCH, MT_SOURCE_LENGTH, measureMt } from './measure_mt.ts';
import { recordTrace } from './record_trace.ts';
import { LM, LM_SMALL, MT, type PaperShape, scaled } from './shapes.ts';
import { decoderSteps, encoderBatch, languageBatch } from './workloads.ts';
import { SEED, type Workshop } from './workshop.ts';

export interface Outcome {
  readonly claims: readonly Claim[];
  readonly figures: readonly Figure[];
}

/** A piece of the reproduction that can be asked for alone. */
export interface Part {
  /** Claims it settles; a part with any belongs to the headlines. */
  readonly claims: readonly ClaimId[];
  /** Beginnings of the ids of its figures. */
  readonly figures: readonly string[];
  run(workshop: Workshop): Promise<Outcome>;
}

const ROUNDS = 3;
const BALANCE_DEVICES = 8;
const BALANCE_BATCHES = 32;
const DECODER_STEPS = 64;
/** A decoder sequence must end within the synthetic models' positions. */
const FIRST_POSITION = 1;

const onLm = `scaled LM, ${LM_BATCH} x ${LM_LENGTH} tokens`;
const onEncoder = `scaled MT, ${MT_BATCH} sources of ${MT_SOURCE_LENGTH} tokens`;
const onDecoder = `scaled MT, one new token for ${MT_BATCH} sentences`;

const lm: Part = {
  claims: ['lm.dynamic_over_static', 'lm.dynamic_over_tutel', 'lm.activation_memory_saved'],
  figures: ['phases.lm'],
  async run(workshop) {
    const measure = await measureLm(workshop, LM, ROUNDS);
    return {
      claims: lmClaims(measure),
      figures: [phasesFigure('phases.lm', 'Latency by phase, LM', onLm, measure.results)],
    };
  },
};

const mt: Part = {
  claims: [
    'mt_encoder.dynamic_over_static',
    'mt_decoder.dynamic_over_static',
    'mt_encoder.dynamic_over_tutel',
    'mt_decoder.dynamic_over_tutel',
    'mt.activation_memory_saved',
  ],
  figures: ['phases.mt_encoder', 'phases.mt_decoder'],
  async run(workshop) {
    const measure = await measureMt(workshop, MT, ROUNDS);
    return {
      claims: mtClaims(measure),
      figures: [
        phasesFigure('phases.mt_encoder', 'Latency by phase, MT encoder', onEncoder, measure.encoder),
        phasesFigure('phases.mt_decoder', 'Latency by phase, MT decoder', onDecoder, measure.decoder),
      ],
    };
  },
};

const cacheCost: Part = {
  claims: ['static_memory_ratio_smallest_cache'],
  figures: ['cache_cost'],
  async run(workshop) {
    const trial = await workshop.trial(MT);
    // Static gating runs every expert: after it all are resident.
    await trial.use(variant(MT, 'static').gating);
    await trial.step(encoderBatch(MT, MT_BATCH, 1, SEED));
    const steps = decoderSteps(MT, MT_BATCH, FIRST_POSITION, 8, SEED + 2);
    const costs = await measureCacheCost(trial, variant(MT, 'dynamic'), [128, 64, 32, 16, 8, 4, 2, 1], steps);
    const [full, least] = [costs[0], costs.at(-1)];
    const ratio = (full?.staticBytes ?? Number.NaN) / (least?.staticBytes ?? Number.NaN);
    const on =
      'scaled MT on one CPU device, all 128 experts a layer against 1, in both stacks (the paper caches the decoder only, on 8 GPUs)';
    return {
      claims: [claim('static_memory_ratio_smallest_cache', ratio, 'measured', on)],
      figures: [cacheCostFigure(onDecoder, costs)],
    };
  },
};

const balance: Part = {
  claims: ['max_load_reduction'],
  figures: ['balance'],
  async run(workshop) {
    const trial = await workshop.trial(LM);
    const batches = Array.from({ length: BALANCE_BATCHES }, (_, batch) =>
      languageBatch(LM, LM_BATCH, LM_LENGTH, SEED + batch),
    );
    const trace = await recordTrace(trial, 'decoder', batches);
    const name = 'scaled LM';
    const tables = [await placementsOf({ name, trace, devices: BALANCE_DEVICES, routing: 'synthetic' })];
    for (const [real, file] of REAL_TRACES) {
      const source = { name: real, trace: workshop.trace(file), devices: 4, routing: 'recorded' } as const;
      tables.push(await placementsOf(source));
    }
    const first = tables[0] as (typeof tables)[number];
    const best = first.rows.reduce((a, b) => (b.maxLoad < a.maxLoad ? b : a));
    const cut = 1 - best.maxLoad / row(first, 'contiguous').maxLoad;
    const on = `scaled LM's routing on ${BALANCE_DEVICES} devices, ${best.title} placed by ${first.history.batches} batches and scored on ${first.scored.batches}`;
    return {
      claims: [claim('max_load_reduction', 100 * cut, 'replayed', on)],
      figures: [balanceFigure(`${onLm}; real traces in batches of 8`, tables)],
    };
  },
};

const REAL_TRACES = [
  ['OLMoE', 'olmoe-299.jsonl.gz'],
  ['Kimi-Linear', 'kimi-linear-300.jsonl.gz'],
  ['Qwen3-30B-A3B', 'qwen3-30b-a3b-128.jsonl.gz'],
  ['Gemma 4 26B-A4B', 'gemma4-26b-a4b-128.jsonl.gz'],
] as const;

const models: Part = {
  claims: [],
  figures: ['table1'],
  run: () => Promise.resolve({ claims: [], figures: [modelsTable()] }),
};

const dense: Part = {
  claims: [],
  figures: ['dense'],
  async run(workshop) {
    const compared = async (
      name: string,
      shape: PaperShape,
      paperTimes: number,
      rows: ReturnType<typeof languageBatch>,
    ) => {
      const denseMs = await medianStepMs(await workshop.trial(shape, 'dense'), rows);
      const trial = await workshop.trial(shape);
      const dynamicMs = await medianStepMs(trial, rows);
      await trial.use(variant(shape, 'static').gating);
      return { name, denseMs, dynamicMs, staticMs: await medianStepMs(trial, rows), paperTimes };
    };
    const sources = encoderBatch(MT, MT_BATCH, MT_SOURCE_LENGTH, SEED);
    const [decoding] = decoderSteps(MT, MT_BATCH, FIRST_POSITION, 1, SEED + 1) as [ReturnType<typeof languageBatch>];
    const rows = [
      await compared('LM', LM, 15, languageBatch(LM, LM_BATCH, LM_LENGTH, SEED)),
      await compared('MT encoder (and first token)', MT, 22, sources),
      await compared('MT decoder', MT, 3, decoding),
    ];
    return { claims: [], figures: [denseFigure('scaled shapes, one CPU device', rows)] };
  },
};

const memory: Part = {
  claims: [],
  figures: ['memory'],
  async run(workshop) {
    const variants = [variant(LM, 'static'), variant(LM, 'Tutel, dropless'), variant(LM, 'dynamic')];
    const trial = await workshop.trial(LM);
    const rows = languageBatch(LM, LM_BATCH, LM_LENGTH, SEED);
    return { claims: [], figures: await memoryFigures('memory.lm', onLm, trial, variants, rows) };
  },
};

const inactive: Part = {
  claims: [],
  figures: ['inactive'],
  async run(workshop) {
    const [lmTrial, mtTrial] = [await workshop.trial(LM), await workshop.trial(MT)];
    const batches = Array.from({ length: 4 }, (_, batch) => languageBatch(LM, LM_BATCH, LM_LENGTH, SEED + batch));
    const sources = Array.from({ length: 4 }, (_, batch) => encoderBatch(MT, MT_BATCH, MT_SOURCE_LENGTH, SEED + batch));
    const sentences = { trace: await recordTrace(mtTrial, 'encoder', sources), skew: workshop.skewTrace(MT) };
    const decoded = await recordTrace(mtTrial, 'decoder', decoderSteps(MT, MT_BATCH, FIRST_POSITION, 16, SEED + 3));
    const lmTrace = await recordTrace(lmTrial, 'decoder', batches);
    return {
      claims: [],
      figures: [
        inactiveFigure("scaled shapes with a real trace's skew", [
          { name: 'LM', trace: lmTrace, skew: workshop.skewTrace(LM) },
          { name: 'MT encoder', ...sentences },
          { name: 'MT decoder', trace: decoded, skew: workshop.skewTrace(MT) },
        ]),
      ],
    };
  },
};

const missRate: Part = {
  claims: [],
  figures: ['miss_rate'],
  async run(workshop) {
    const trial = await workshop.trial(MT);
    await trial.step(encoderBatch(MT, MT_BATCH, MT_SOURCE_LENGTH, SEED));
    const steps = decoderSteps(MT, MT_BATCH, FIRST_POSITION, DECODER_STEPS, SEED + 4);
    const trace = await recordTrace(trial, 'decoder', steps);
    return {
      claims: [],
      figures: await missRateFigures(
        'miss_rate',
        `${onDecoder}, ${CACHE_DEVICES} devices`,
        trace,
        placementsFor(trace),
      ),
    };
  },
};

/** The paper's pairing of buffering with balancing: placed by the first half of the same steps. */
function placementsFor(trace: RoutingTrace) {
  const history = loadHistory(trace, 0, Math.floor(trace.steps / 2));
  return [
    { name: 'contiguous', placement: contiguous(trace.moeLayers, trace.experts, CACHE_DEVICES) },
    { name: 'greedy', placement: greedy(history, CACHE_DEVICES) },
  ];
}

const throughput: Part = {
  claims: [],
  figures: ['throughput'],
  async run(workshop) {
    const lmQuestion = (shape: PaperShape) => ({
      id: `throughput.${shape.id}`,
      title: `Throughput by gating policy and batch, ${shape.title}`,
      on: `scaled ${shape.title}, sequences of ${LM_LENGTH} tokens`,
      shape,
      hidden: scaled(shape).hidden,
      variants: contenders(shape),
      batches: [1, 2, 4, 8, 16, 32],
      paperBatch: LM_BATCH,
      tokensEach: LM_LENGTH,
      rows: (batch: number) => languageBatch(shape, batch, LM_LENGTH, SEED),
    });
    const decoder = {
      id: 'throughput.mt_decoder',
      title: 'Throughput by gating policy and batch, MT decoder',
      on: 'scaled MT, one new token for each sentence',
      shape: MT,
      hidden: scaled(MT).hidden,
      variants: contenders(MT),
      batches: [8, 16, 32, 48, 96],
      paperBatch: MT_BATCH,
      tokensEach: 1,
      rows: (batch: number) => decoderSteps(MT, batch, FIRST_POSITION, 1, SEED)[0] as ReturnType<typeof languageBatch>,
    };
    const mtTrial = await workshop.trial(MT);
    await mtTrial.step(encoderBatch(MT, 96, MT_SOURCE_LENGTH, SEED));
    return {
      claims: [],
      figures: [
        await throughputFigure(await workshop.trial(LM), lmQuestion(LM)),
        await throughputFigure(await workshop.trial(LM_SMALL), lmQuestion(LM_SMALL)),
        await throughputFigure(mtTrial, decoder),
      ],
    };
  },
};

function variant(shape: PaperShape, name: string): GatingVariant {
  return contenders(shape).find((entry) => entry.name === name) as GatingVariant;
}

/** In the order of the page. */
export const PARTS: readonly Part[] = [
  models,
  lm,
  mt,
  dense,
  memory,
  inactive,
  throughput,
  missRate,
  cacheCost,
  balance,
];
