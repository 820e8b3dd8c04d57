import { createRequire } from 'node:module';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { openCheckpoint } from '../../../engine/checkpoint/checkpoint.ts';
import { forwardLogits } from '../../../engine/coordinator/logits.ts';
import { auditOf } from '../../../engine/coordinator/run_audit.ts';
import { rowsAtOnce } from '../../../engine/device/cuda/experts.ts';
import { POOL_BYTES, SESSION_BYTES } from '../../../engine/device/cuda/session_bytes.ts';
import { readModelSpec } from '../../../engine/families/family.ts';
import { type MoeLayer, moeLayers } from '../../../engine/families/spec.ts';
import { expertGraph } from '../../../engine/graph/expert.ts';
import { GraphBuilder } from '../../../engine/graph/onnx.ts';
import type { LivePatch, RunSettings } from '../../../engine/protocol/settings.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES } from '../../../engine/protocol/telemetry.ts';
import { replayCaches } from '../../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../../engine/report/recording.ts';
import { checkLedger, routing } from '../../engine/law_checks.ts';
import { readTensor } from '../../engine/read_tensor.ts';
import { emitted, runTiny, tinyModel } from '../../engine/tiny_run.ts';

vi.mock('../../../engine/device/cards/card_sampler.ts', async () => {
  const { parseNvidiaSmi } = await import('../../../engine/device/cards/nvidia_smi.ts');
  const { NVIDIA_SMI } = await import('../samples.ts');
  return { sampleCards: async () => parseNvidiaSmi(NVIDIA_SMI).slice(0, 2) };
});
vi.mock('../../../engine/device/cuda/obstacle.ts', () => ({ cudaObstacle: () => undefined }));

createRequire(import.meta.url)('./cuda_on_cpu.cjs');

const RANK = path.resolve('test/device/cuda/rank_on_cpu.cjs');
const FOLDER = 'test/fixtures/olmoe';
const EXPERT_BYTES = tinyModel().summary.deviceBytes.perExpert;
const on = (...ids: string[]): RunSettings['devices'] => ids.map((id) => ({ id, budgetBytes: 64 << 20 }));
const SHORT: Partial<RunSettings> = { promptCount: 4, promptTokens: 12, newTokens: 6, batch: 3 };

afterEach(() => {
  delete process.env.CUDA_FAILS;
});

/** Laws 2 and 6, and tokens and routing as on a processor. */
async function check(
  devices: RunSettings['devices'],
  settings: Partial<RunSettings>,
  changes: readonly { afterSteps: number; patch: LivePatch }[] = [],
) {
  const reference = (await runTiny({ ...SHORT, ...settings, devices: on('cpu:0') })).recording;
  const { recording, audit } = await runTiny({ ...SHORT, ...settings, devices }, changes, tinyModel(), RANK);
  expect(emitted(recording)).toEqual(emitted(reference));
  expect(routing(recording)).toEqual(routing(reference));
  const replayed = auditOf(recording, replayCaches(toTrace(recording), toTimeline(recording)));
  expect(replayed.replayed).toEqual(replayed.measured);
  expect(audit).toEqual(replayed);
  checkLedger(recording, () => EXPERT_BYTES);
  return recording;
}

it('a card alone: the tokens of a processor, whatever is resident, and what sessions hold is in the ledger', async () => {
  const changes = [
    { afterSteps: 3, patch: { cacheSlots: 'all', gating: 'static' } as const },
    { afterSteps: 5, patch: { cacheSlots: 3, gating: 'megablocks' } as const },
  ];
  const { steps } = await check(on('cuda:0'), { cacheSlots: 2, eviction: 'lru', prefetch: 'router' }, changes);
  const [experts, execution] = (['experts', 'expertExecution'] as const).map((name) => LEDGER_CATEGORIES.indexOf(name));
  for (const { ledgerBytes } of steps) {
    const held = (ledgerBytes[experts as number] as number) / EXPERT_BYTES;
    expect(ledgerBytes[execution as number]).toBeGreaterThanOrEqual(held * SESSION_BYTES);
  }
});

it('two cards beside a processor, each its own rank: the same, and a card that fails leaves the run to the others', async () => {
  process.env.CUDA_FAILS = 'cuda:1@90';
  const recording = await check(on('cuda:1', 'cpu:0', 'cuda:0'), { cacheSlots: 2, newTokens: 12 });
  const lost = recording.settings.find((record) => record.lost.length > 0);
  expect(lost?.label).toMatch(/^cuda:1 was lost: its driver failed \(CUDA failure 719: unspecified launch failure\), /);
  const last = recording.steps.at(-1)?.ledgerBytes ?? [];
  expect(last.slice(0, CATEGORY_COUNT).every((bytes) => bytes === 0)).toBe(true);
  expect(last[2 * CATEGORY_COUNT + LEDGER_CATEGORIES.indexOf('experts')]).toBeGreaterThan(0);
});

it('olmoe fixture: logits within 1e-3 of the reference', async () => {
  const checkpoint = openCheckpoint(FOLDER);
  const file = `${FOLDER}/io_long.safetensors`;
  const { shape, values } = readTensor(file, 'input_ids');
  const [rows, length] = shape as [number, number];
  const inputIds = Array.from({ length: rows }, (_, row) =>
    Int32Array.from(values.slice(row * length, (row + 1) * length)),
  );
  const spec = readModelSpec(FOLDER, checkpoint);
  const { logits } = await forwardLogits(FOLDER, spec, checkpoint, { inputIds }, undefined, 'cuda:0');
  const wanted = readTensor(file, 'logits').values;
  expect(logits.length).toBe(wanted.length);
  const error = wanted.reduce((most, value, at) => Math.max(most, Math.abs((logits[at] as number) - value)), 0);
  expect(error).toBeLessThan(1e-3);
});

it('an expert runs no more rows at once than its pool holds, and few bits no more than are multiplied as they are', () => {
  expect(rowsAtOnce(2048, 1024, 'fp32')).toBe(18);
  expect(rowsAtOnce(2048, 1024, 'int4')).toBe(8);
  expect(rowsAtOnce(2048, 1024, 'int8')).toBe(4);
  expect(rowsAtOnce(7168, 2048, 'fp32') * 4 * (4 * 7168 + 6 * 2048)).toBeLessThanOrEqual(POOL_BYTES);
  expect(rowsAtOnce(1 << 20, 1 << 20, 'fp32')).toBe(1);
});

it('a large expert is written without a choice by size, which the provider would leave to the processor', () => {
  const [layer] = moeLayers(readModelSpec(FOLDER, openCheckpoint(FOLDER)));
  const written = (builder: GraphBuilder) => {
    expertGraph((layer as MoeLayer).feedForward.expert(0), 2048, 1024, 'fp32', undefined, builder);
    return builder.branches;
  };
  expect([written(new GraphBuilder()), written(new GraphBuilder(false))]).toEqual([1, 0]);
});

it('few bits are for experts: of the dense part they are refused, with what to set', async () => {
  const precision = { experts: 'int4', dense: 'int8' } as const;
  await expect(runTiny({ ...SHORT, precision, devices: on('cuda:0') }, [], tinyModel(), RANK)).rejects.toThrow(
    'precision: cuda:0 would hold dense of int8 in float32 as well, once they are multiplied; set dense to stored or fp32.',
  );
  const { recording } = await runTiny(
    { ...SHORT, precision: { experts: 'int8', dense: 'stored' }, devices: on('cuda:0') },
    [],
    tinyModel(),
    RANK,
  );
  expect(recording.complete).toBe(true);
});

it('rows beyond one piece come back as if they had run at once', async () => {
  const { CudaExperts } = await import('../../../engine/device/cuda/experts.ts');
  const layers = moeLayers(readModelSpec(FOLDER, openCheckpoint(FOLDER)));
  const pieces: number[] = [];
  const inner = {
    bytesPerExpert: () => 0,
    load: async () => undefined,
    evict: async () => undefined,
    run: async (_layer: number, _expert: number, rows: Float32Array, count: number) => {
      pieces.push(count);
      return rows.map((value) => 2 * value);
    },
  };
  const experts = new CudaExperts({ inner, layers, hidden: 32, precision: 'int4', ledger: undefined as never });
  const rows = Float32Array.from({ length: 19 * 32 }, (_, at) => at);
  expect(await experts.run(0, 0, rows, 19)).toEqual(rows.map((value) => 2 * value));
  expect(pieces).toEqual([8, 8, 3]);
});
