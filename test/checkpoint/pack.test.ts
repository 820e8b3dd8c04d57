import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WeightPrecision } from '../../engine/checkpoint/block_quantise.ts';
import { openCheckpoint } from '../../engine/checkpoint/checkpoint.ts';
import { ensurePack, type PackPause, type PackPlan } from '../../engine/checkpoint/pack/make_pack.ts';
import { emptyPacks, holdPack, listPacks } from '../../engine/checkpoint/pack/pack_folder.ts';
import { PackLayout, packedAs, planPack } from '../../engine/device/pack_plan.ts';
import { PackReader } from '../../engine/device/webgpu/pack_reader.ts';
import { WeightStaging } from '../../engine/device/weights.ts';
import { readModelSpec } from '../../engine/families/family.ts';
import { expertWeights, moeLayers } from '../../engine/families/spec.ts';
import { expertGraph } from '../../engine/graph/expert.ts';

const FOLDER = 'test/fixtures/olmoe';
const checkpoint = openCheckpoint(FOLDER);
const spec = readModelSpec(FOLDER, checkpoint);
const free: PackPause = async () => undefined;

function plan(precision: WeightPrecision = 'int4'): PackPlan {
  const packsDir = mkdtempSync(path.join(tmpdir(), 'moe-packs-'));
  return planPack(spec, checkpoint, { name: 'olmoe', fingerprint: 'f' }, precision, packsDir);
}

const experts = ({ folder }: PackPlan) => readFileSync(path.join(folder, 'experts.bin'));
const isWhole = ({ folder }: PackPlan) => existsSync(path.join(folder, 'pack.json'));

/** Lets `pieces` pass, then throws as a cancel or a kill would. */
function endAfter(pieces: number): PackPause {
  let left = pieces;
  return async () => {
    if (left-- <= 0) throw new Error('ended here');
  };
}

/** How many pieces a pause was asked between, by what was done. */
function counting(): { pause: PackPause; packed: () => number; checked: () => number } {
  const texts: string[] = [];
  const pause: PackPause = async (_, text) => void texts.push(text);
  const count = (word: string) => texts.filter((text) => text.startsWith(word)).length;
  return { pause, packed: () => count('Packing'), checked: () => count('Checking') };
}

describe('an expert pack', () => {
  it('is made of experts that the device does not find in its own form in the checkpoint', () => {
    const demo = openCheckpoint('models/demo-lm');
    const demoSpec = readModelSpec('models/demo-lm', demo);
    expect(packedAs(demoSpec, demo, 'stored')).toBeUndefined();
    expect(packedAs(demoSpec, demo, 'fp32')).toBe('fp32');
    expect(packedAs(demoSpec, demo, 'int8')).toBe('int8');
    demo.close();
  });

  it.each(['int4', 'fp16', 'fp32'] as const)(
    'holds for every expert what its session would be given from memory, from the begin of a page: %s',
    async (precision) => {
      const made = plan(precision);
      (await ensurePack(made, free))();
      const bytes = experts(made);
      expect(bytes.length).toBe(made.bytes);
      const staging = new WeightStaging(checkpoint);
      let at = 0;
      const layout = new PackLayout(moeLayers(spec), spec.hiddenSize, precision);
      const reader = new PackReader({ folder: made.folder, layout });
      for (const { index, feedForward } of moeLayers(spec)) {
        for (let id = 0; id < feedForward.experts; id++) {
          const expert = feedForward.expert(id);
          const graph = expertGraph(expert, spec.hiddenSize, feedForward.width, precision);
          const { offsetBytes, byteLength } = made.records[at++] as PackPlan['records'][number];
          expect(offsetBytes % 4096).toBe(0);
          const wanted = staging.gather(graph, expertWeights(expert));
          for (const part of graph.parts) {
            if (part.encoding === 'fp32') {
              const end = part.at + part.floats * 4;
              expect(
                bytes.subarray(offsetBytes + part.at, offsetBytes + end).equals(wanted.subarray(part.at, end)),
              ).toBe(true);
              continue;
            }
            if (part.encoding === 'fp16') continue;
            expect(bytes[offsetBytes + part.codesAt]).toBe(wanted[part.codesAt]);
            expect(bytes[offsetBytes + part.scalesAt]).toBe(wanted[part.scalesAt]);
          }
          expect(byteLength).toBe(wanted.length);
          expect(Buffer.compare(reader.read(index, id, byteLength), wanted)).toBe(0);
        }
      }
      reader.close();
    },
  );

  it('goes on, wherever it was ended, and comes out the same', async () => {
    const reference = plan();
    (await ensurePack(reference, free))();
    const wanted = experts(reference);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '3 0123', '5 ffffffffffffffffffffffffffffffff\n'),
        async (ends, torn) => {
          const made = plan();
          for (const pieces of ends) {
            const error = await ensurePack(made, endAfter(pieces)).then(
              (release) => release(),
              (reason: Error) => reason,
            );
            if (error === undefined) break;
            expect(error.message).toBe('ended here');
            expect(isWhole(made)).toBe(false);
            expect(existsSync(path.join(made.folder, 'experts.bin'))).toBe(false);
            // What a kill may leave: a line cut off, or bytes that never reached the disk.
            appendFileSync(path.join(made.folder, 'hashes.part'), torn);
          }
          (await ensurePack(made, free))();
          expect(experts(made).equals(wanted)).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('does again only what was not done', async () => {
    const made = plan();
    const pieces = made.records.length * 3;
    await expect(ensurePack(made, endAfter(Math.floor(pieces / 2)))).rejects.toThrow('ended here');
    const rest = counting();
    (await ensurePack(made, rest.pause))();
    expect(rest.checked()).toBe(Math.floor(made.records.length / 2));
    expect(rest.packed()).toBeGreaterThanOrEqual(pieces / 2);
    expect(rest.packed()).toBeLessThan(pieces);
  });

  it('is used again as it is, and made anew where its bytes are not what they were', async () => {
    const made = plan();
    (await ensurePack(made, free))();
    const wanted = experts(made);
    const again = counting();
    (await ensurePack(made, again.pause))();
    expect(again.packed() + again.checked()).toBe(0);

    const file = path.join(made.folder, 'experts.bin');
    const altered = Buffer.from(wanted);
    altered[5000] = (altered[5000] as number) ^ 1;
    for (const damage of [
      () => writeFileSync(file, altered),
      () => truncateSync(file, wanted.length - 5000),
      () => writeFileSync(file, ''),
      () => writeFileSync(path.join(made.folder, 'pack.json'), '{"format":"moe-studio-pack"'),
    ]) {
      damage();
      const repair = counting();
      (await ensurePack(made, repair.pause))();
      expect(repair.packed()).toBeGreaterThan(0);
      expect(experts(made).equals(wanted)).toBe(true);
    }
    writeFileSync(file, altered);
    const repair = counting();
    (await ensurePack(made, repair.pause))();
    // One expert of sixteen, in three pieces.
    expect(repair.packed()).toBe(3);
  });

  it('of another checkpoint is another pack', () => {
    const files = mkdtempSync(path.join(tmpdir(), 'moe-copy-'));
    for (const name of ['config.json', 'model.safetensors'])
      writeFileSync(path.join(files, name), readFileSync(path.join(FOLDER, name)));
    const copy = openCheckpoint(files);
    const model = { name: 'olmoe', fingerprint: 'f' };
    const planned = planPack(readModelSpec(files, copy), copy, model, 'int4', files);
    expect(planned.key).not.toBe(plan().key);
    expect(planned.bytes).toBe(plan().bytes);
    copy.close();
  });

  it('is made by one at a time', async () => {
    const made = plan();
    let meanwhile: Promise<unknown> | undefined;
    const pause: PackPause = async () => {
      meanwhile ??= ensurePack(made, free).catch((error: Error) => error.message);
    };
    (await ensurePack(made, pause))();
    expect(await meanwhile).toMatch(/is being made already/);
    writeFileSync(path.join(made.folder, 'lock'), '999999999');
    truncateSync(path.join(made.folder, 'experts.bin'), 1);
    (await ensurePack(made, free))();
    expect(readdirSync(made.folder).sort()).toEqual(['experts.bin', 'pack.json']);
  });

  it('is listed with its size, and emptied unless it is read', async () => {
    const [whole, begun] = [plan(), plan()];
    const packsDir = path.dirname(whole.folder);
    const release = await ensurePack(whole, free);
    const other = { ...begun, folder: path.join(packsDir, 'begun') };
    await expect(ensurePack(other, endAfter(20))).rejects.toThrow('ended here');
    const listed = listPacks(packsDir);
    expect(listed).toMatchObject([
      { name: 'begun', complete: false, inUse: false },
      { complete: true, inUse: true, model: 'olmoe', precision: 'int4', bytes: whole.bytes },
    ]);
    expect(listed[0]?.bytes).toBe(statSync(path.join(other.folder, 'experts.part')).size);
    expect(emptyPacks(packsDir)).toMatchObject({ removed: [{ name: 'begun' }], kept: [{ inUse: true }] });
    release();
    // A mark of a process that was killed keeps nothing.
    writeFileSync(path.join(whole.folder, 'in-use-999999999-0'), '');
    expect(emptyPacks(packsDir).removed).toHaveLength(1);
    expect(readdirSync(packsDir)).toEqual([]);
    expect(listPacks(path.join(packsDir, 'nowhere'))).toEqual([]);
    expect(() => holdPack(path.join(packsDir, 'nowhere'))).toThrow();
  });
});
