/**
 * A rank whose device goes in the middle of its work: ONNX Runtime fails as a provider does when its device is gone, from the Nth run of
 * a session on. MOE_LOSE names devices and numbers: `cpu:1@137,cpu:0@20`; with an `x` behind it the thread ends without a word.
 */
const { workerData } = require('node:worker_threads');
const { InferenceSession } = require('onnxruntime-node');
const path = require('node:path');

const losses = (process.env.MOE_LOSE ?? '').split(',').map((loss) => loss.split('@'));
const mine = losses.find(([device]) => device === workerData.device);
let left = Number.parseInt(mine?.[1] ?? '', 10);
const { create } = InferenceSession;

InferenceSession.create = async (...args) => {
  const session = await create(...args);
  const run = session.run.bind(session);
  session.run = (...feeds) => {
    if (left-- > 0 || mine === undefined) return run(...feeds);
    if (mine[1].endsWith('x')) process.exit(3);
    throw new Error('WebGPU device lost (2): the adapter was removed.');
  };
  return session;
};

require(path.resolve('out/main/rank.cjs'));
