import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import type { LinkAnswer } from '../../engine/device/link_worker.ts';
import { WebGpuMemory } from '../../engine/device/webgpu/memory.ts';
import { shareCard } from '../../engine/device/webgpu/one_thread.ts';
import { WebGpuSession } from '../../engine/device/webgpu/session.ts';
import { WebGpuGraphBuilder } from '../../engine/graph/webgpu_builder.ts';

const memory = new WebGpuMemory({ ms: 0 });
afterEach(() => memory.close());

it('names the node that does not run on the device, and runs no other', async () => {
  const builder = new WebGpuGraphBuilder();
  builder.input('x', 'float32', ['n', 'n']);
  const twice = builder.node('Add', ['x', 'x']);
  builder.node('Add', [builder.node('Det', [twice]), builder.float(1)], {}, 'y');
  builder.output('y', 'float32', []);
  const session = WebGpuSession.create('a determinant', builder, builder.finish(), { meter: { ms: 0 } });
  await expect(session).rejects.toThrow(
    'a determinant: node Det#1 does not run on WebGPU; choose a CPU device for this model.',
  );
});

/** As the engine does it: in a thread of its own, which opens the card and ends. */
function measureLink(): Promise<LinkAnswer> {
  shareCard();
  return new Promise((resolve, reject) => {
    const worker = new Worker(path.resolve('out/main/link.cjs'), { workerData: { device: 'webgpu:0' } });
    let answer: LinkAnswer = { failed: 'no answer' };
    worker.on('message', (message: LinkAnswer) => {
      answer = message;
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(answer));
  });
}

it('a second thread is refused in a sentence while one has the card, and has it after', async () => {
  await memory.zeros([1]);
  const refused = {
    failed: expect.stringMatching(/^webgpu:0: another thread of this program has the card.*try again\.$/),
  };
  expect(await measureLink()).toEqual(refused);
  expect(await measureLink()).toEqual(refused);
  await memory.close();
  // One thread after the other, as runs follow each other; the card goes back and forth.
  expect(await measureLink()).toEqual({ bytesPerSecond: expect.any(Number), float16: expect.any(Boolean) });
  await memory.zeros([1]);
  expect(await measureLink()).toEqual(refused);
});
