import { expect, it } from 'vitest';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { AbsentExperts } from '../../engine/device/absent_experts.ts';
import { MemoryLedger } from '../../engine/rank/ledger.ts';
import { tinyModel } from '../engine/tiny_run.ts';

const FOLDER = 'test/fixtures/olmoe';
const { spec, summary } = tinyModel();
const EXPERT = summary.deviceBytes.perExpert;
const rows = new Float32Array(2 * spec.hiddenSize).map((_, at) => Math.sin(at));

const partsWith = (ledger: MemoryLedger) => ({
  ...{ spec, source: openCheckpoint(FOLDER), ledger, meter: { ms: 0 } },
  ...{ precision: undefined, packFolder: undefined },
});

it('keeps sessions beside a card up to a bound, the longest unused gone first, and none that the card holds', async () => {
  const card = new MemoryLedger('webgpu:0', 1);
  const absent = AbsentExperts.besideCard(partsWith(card), 3 * EXPERT);
  const first = await absent.run(0, 1, rows, 2);
  for (const expert of [2, 3, 1, 4, 5]) await absent.run(0, expert, rows, 2);
  expect(absent.bytes).toBe(3 * EXPERT);
  // Of 1, 4 and 5 the first is still the session that it was.
  expect(await absent.run(0, 1, rows, 2)).toEqual(first);
  await absent.release(0, 1);
  await absent.release(0, 2);
  expect(absent.bytes).toBe(2 * EXPERT);
  await absent.close();
  expect(absent.bytes).toBe(0);
  expect(card.total).toBe(0);
});

it('keeps nothing on a processor, and is in its ledger while rows are computed', async () => {
  const ledger = new MemoryLedger('cpu:0', EXPERT);
  const absent = AbsentExperts.onProcessor(partsWith(ledger));
  const beside = AbsentExperts.besideCard(partsWith(ledger), 0);
  for (const expert of [1, 2, 1]) {
    expect(await absent.run(1, expert, rows, 2)).toEqual(await beside.run(1, expert, rows, 2));
    expect([absent.bytes, beside.bytes, ledger.total]).toEqual([0, 0, 0]);
  }
  expect(ledger.takePeak()).toBe(EXPERT);
});
