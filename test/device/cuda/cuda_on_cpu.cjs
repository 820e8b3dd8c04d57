/**
 * ONNX Runtime's CUDA provider replaced at its boundary: sessions that ask for it, as our code does, run on the processor. A session that
 * does not ask as it must is an error. CUDA_FAILS names a device and from which of its runs on CUDA fails: `cuda:1@60`.
 */
const { workerData } = require('node:worker_threads');
const { InferenceSession } = require('onnxruntime-node');

const LOST =
  'CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=vm ; file=gpu_data_transfer.cc ; line=91 ; ';
const [device, runs] = (process.env.CUDA_FAILS ?? '').split('@');
const mine = workerData?.device;
let left = mine !== undefined && mine === device ? Number(runs) : Number.POSITIVE_INFINITY;
const { create } = InferenceSession;

InferenceSession.create = async (model, options) => {
  const [provider] = options.executionProviders;
  if (provider === 'cpu') {
    if (mine?.startsWith('cuda:')) throw new Error('a session of a CUDA device on the processor');
    return create(model, options);
  }
  const { session } = options.extra;
  if (provider.name !== 'cuda' || session.disable_cpu_ep_fallback !== '1') throw new Error('not as CUDA is asked for');
  if (mine !== undefined && `cuda:${provider.deviceId}` !== mine)
    throw new Error(`${mine} asked for card ${provider.deviceId}`);
  // `If` by size is a node on the processor (see graph/in_place.ts), which the real provider would refuse.
  if (Buffer.from(model).includes('\u0022\u0002If')) throw new Error('a choice on the processor');
  const { disable_cpu_ep_fallback: _, ...rest } = session;
  const made = await create(model, { ...options, executionProviders: ['cpu'], extra: { session: rest } });
  const run = made.run.bind(made);
  made.run = (...feeds) => {
    if (left-- <= 0) throw new Error(LOST);
    return run(...feeds);
  };
  return made;
};
