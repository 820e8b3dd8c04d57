import { parentPort, workerData } from 'node:worker_threads';
import { EngineRefusal } from '../api.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { lossIn } from '../device/device_lost.ts';
import { readModelSpec } from '../families/family.ts';
import { StepAborted } from './exchange.ts';
import { Loading } from './loading.ts';
import type { FromRank, ToRank, WorkerSetup } from './messages.ts';
import { Rank } from './rank.ts';

/**
 * A rank's thread. Messages are served strictly one after the other; it ends by the `close` message only, since a thread
 * terminated inside an ONNX Runtime call takes the whole process with it.
 */
if (parentPort === null) throw new Error('a rank runs as a worker thread');
const port = parentPort;
const post = (message: FromRank) => port.postMessage(message);
const setup = workerData as WorkerSetup;

let rank: Rank | undefined;
let queue: Promise<void> = open();

port.on('message', (message: ToRank) => {
  queue = queue.then(() => serve(message)).catch(fail);
});

async function open(): Promise<void> {
  try {
    const checkpoint = openCheckpoint(setup.modelPath);
    const loading = new Loading(setup.loading);
    checkpoint.onRead = (bytes) => loading.reads(bytes);
    rank = await Rank.open(setup, readModelSpec(setup.modelPath, checkpoint), checkpoint);
    checkpoint.onRead = undefined;
    post({ kind: 'opened' });
  } catch (error) {
    fail(error);
  }
}

async function serve(message: ToRank): Promise<void> {
  switch (message.kind) {
    case 'settings':
      if (rank !== undefined) post({ kind: 'applied', evicted: await rank.apply(message.settings) });
      return;
    case 'step':
      if (rank !== undefined) post({ kind: 'stepped', result: await rank.step(message.plan) });
      return;
    case 'close':
      try {
        post({ kind: 'closed', ledgerBytes: (await rank?.close()) ?? new Float64Array(0) });
      } catch (error) {
        // A lost device may not even let go; its thread ends all the same.
        fail(error);
      }
      port.close();
      return;
  }
}

function fail(error: unknown): void {
  rank?.abort();
  const lost = lossIn(error);
  post({
    kind: 'failed',
    message: error instanceof Error ? error.message : String(error),
    refusal: error instanceof EngineRefusal,
    aborted: error instanceof StepAborted,
    ...(lost !== undefined && { lost }),
  });
}
