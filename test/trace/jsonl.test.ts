import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineRefusal } from '../../engine/api.ts';
import { readTraceLines, writeTraceLines } from '../../engine/trace/jsonl.ts';
import type { TraceMeta } from '../../engine/trace/jsonl_meta.ts';
import { MISSING } from '../../engine/trace/trace.ts';
import { stepsOf, traces } from './examples.ts';

const META = '{"schema":"moe-trace","version":1,"model":"m","moe_layers":2,"experts":4,"top_k":2,"unknown":[1]}';

describe('moe-trace JSON lines', () => {
  it('read back equal: shape, steps, ids, weights, requests, positions, phases, meta', () => {
    const about = fc.record(
      {
        source: fc.string(),
        licence: fc.string(),
        notes: fc.string(),
        blocks: fc.constant(true),
        expertBytes: fc.constant(true),
      },
      { requiredKeys: [] },
    );
    const trace = fc.boolean().chain((weights) => traces({ maxSteps: 6, weights }));
    fc.assert(
      fc.property(trace, fc.string(), about, (trace, model, { blocks, expertBytes, ...texts }) => {
        const { moeLayers, experts, topK } = trace;
        const layers = Array.from({ length: moeLayers }, (_, layer) => layer);
        const meta: TraceMeta = {
          model,
          moeLayers,
          experts,
          topK,
          ...texts,
          ...(blocks && { blocks: layers.map((layer) => 2 * layer + 1) }),
          ...(expertBytes && { expertBytes: layers.map((layer) => 1000 + layer) }),
        };
        const lines = [...writeTraceLines(meta, trace)];
        expect(lines.length).toBe(1 + trace.tokens);
        const read = readTraceLines(lines);
        expect(read.meta).toEqual(meta);
        expect(stepsOf(read.trace)).toEqual(stepsOf(trace));
      }),
      { numRuns: 300 },
    );
  });

  it('without step numbers: a decode token is a step, prefill tokens of one request in a row are one', () => {
    const row = (req: number | string, phase: string, ids: number[][]) => JSON.stringify({ t: 0, req, phase, ids });
    const one = [
      [0, 1],
      [3, 2],
    ];
    const { trace } = readTraceLines([
      META,
      row(0, 'prefill', one),
      row(0, 'prefill', [[2, 3], []]),
      row(1, 'prefill', one),
      row(1, 'decode', one),
      row(1, 'decode', one),
      '',
      row('chat-7', 'prefill', one),
      row(0, 'decode', one),
    ]);
    expect(stepsOf(trace).map(({ request, position, phase }) => [[...request], [...position], [...phase]])).toEqual([
      [
        [0, 0],
        [0, 1],
        [0, 0],
      ],
      [[1], [0], [0]],
      [[1], [1], [1]],
      [[1], [2], [1]],
      [[2 ** 30], [0], [0]],
      [[0], [2], [1]],
    ]);
    expect([...trace.stepIds(0)]).toEqual([0, 1, 2, 3, 3, 2, MISSING, MISSING]);
    expect(trace.step(0).weights).toBeUndefined();
  });

  it('reads the interchange form: nested meta, layers by block index, -1 for a dropped choice, names of requests', () => {
    const meta = {
      type: 'meta',
      schema: 'moe-trace',
      version: 1,
      model: { id: 'org/m', moe_layers: [1, 3, 5], experts: 8, top_k: 2 },
    };
    const tok = (step: number, request_id: string | null, layers: number[], ids: number[][]) =>
      JSON.stringify({
        type: 'tok',
        request_id,
        step,
        phase: 'decode',
        position: 9,
        layers,
        ids,
        w: ids.map((list) => list.map(() => 0.5)),
      });
    const { meta: read, trace } = readTraceLines([
      JSON.stringify(meta),
      tok(
        4,
        'a',
        [5, 1],
        [
          [6, -1],
          [0, 7],
        ],
      ),
      tok(4, null, [3], [[1, 2]]),
      tok(6, 'a', [], []),
    ]);
    expect(read).toEqual({ model: 'org/m', moeLayers: 3, experts: 8, topK: 2, blocks: [1, 3, 5] });
    const none = MISSING;
    expect(stepsOf(trace).map(({ ids, request }) => [[...ids], [...request]])).toEqual([
      [
        [0, 7, none, none, none, none, 1, 2, 6, none, none, none],
        [2 ** 30, 0],
      ],
      [[none, none, none, none, none, none], [2 ** 30]],
    ]);
    expect([...(trace.step(0).weights ?? [])]).toEqual([0.5, 0.5, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0, 0]);
  });

  const decode = (fields: object) =>
    JSON.stringify({
      phase: 'decode',
      ids: [
        [0, 1],
        [3, 2],
      ],
      ...fields,
    });
  const refused: [string, string[], string][] = [
    ['an empty file', [], 'x.jsonl: the file is empty'],
    ['another format', ['{"a":1}'], 'x.jsonl: line 1 is not the meta line of a moe-trace 1 file (schema:'],
    ['a newer version', [META.replace('"version":1', '"version":2')], 'version:'],
    ['a shape out of range', [META.replace('"experts":4', '"experts":70000')], 'experts:'],
    ['more choices than experts', [META.replace('"top_k":2', '"top_k":5')], 'top_k 5 is above experts 4'],
    [
      'bytes of other layers',
      [META.replace('"unknown"', '"expert_bytes"')],
      'expert_bytes has 1 entries for 2 MoE layers',
    ],
    ['a cut line', [META, decode({}), '{"phase":"dec'], 'line 3 is not JSON'],
    ['a list as a row', [META, '[1]'], 'line 2: a token of the trace was expected'],
    ['counts', [META, decode({ type: 'counts' })], 'line 2: rows of type "counts" are not read'],
    ['another phase', [META, decode({ phase: 'draft' })], 'line 2: phase is "draft"'],
    ['no ids', [META, '{"phase":"decode"}'], 'line 2: ids are missing'],
    [
      'an id out of range',
      [
        META,
        decode({}),
        decode({
          ids: [
            [0, 1],
            [4, 2],
          ],
        }),
      ],
      'line 3: layer 1 names expert 4 of 4',
    ],
    [
      'a negative id',
      [
        META,
        decode({
          ids: [
            [0, -2],
            [1, 2],
          ],
        }),
      ],
      'line 2: layer 0 names expert -2 of 4',
    ],
    [
      'an id that is no number',
      [
        META,
        decode({
          ids: [
            [0, '1'],
            [1, 2],
          ],
        }),
      ],
      'line 2: layer 0 names expert "1" of 4',
    ],
    [
      'an expert twice',
      [
        META,
        decode({
          ids: [
            [1, 1],
            [1, 2],
          ],
        }),
      ],
      'line 2: layer 0 names expert 1 twice',
    ],
    ['too few choices', [META, decode({ ids: [[0, 1], [1]] })], 'line 2: layer 1 needs 2 expert ids or an empty list'],
    ['too few layers', [META, decode({ ids: [[0, 1]] })], 'line 2: ids have 1 layers where the model has 2'],
    ['an unknown layer', [META, decode({ layers: [0, 2] })], 'line 2: layer 2 is none of the MoE layers'],
    ['a layer twice', [META, decode({ layers: [1, 1] })], 'line 2: layers names a layer twice'],
    [
      'weights of other length',
      [META, decode({ w: [[0.5], [0.5, 0.5]] })],
      'line 2: layer 0: w is not parallel to ids',
    ],
    [
      'weights here and there',
      [
        META,
        decode({
          w: [
            [1, 0],
            [1, 0],
          ],
        }),
        decode({}),
      ],
      'line 3: gate weights are in some tokens',
    ],
    ['steps that fall', [META, decode({ step: 2 }), decode({ step: 1 })], 'line 3: step 1 comes after step 2'],
    ['a position that is none', [META, decode({ position: 1.5 })], 'line 2: position is not a whole number'],
    ['a request that is none', [META, decode({ req: {} })], 'line 2: the request is neither'],
  ];
  it.each(refused)('refuses %s', (_, lines, sentence) => {
    const read = () => readTraceLines(lines, 'x.jsonl');
    expect(read).toThrow(EngineRefusal);
    expect(read).toThrow(sentence);
    expect(read).toThrow(/^x\.jsonl: .*\.$/);
  });
});
