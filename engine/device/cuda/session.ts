import type { InferenceSession } from 'onnxruntime-node';
import { EngineRefusal } from '../../api.ts';
import { HOST_OPTIONS, HostSession, type MakeSession } from '../cpu/session.ts';
import type { RuntimeMeter } from '../tensors.ts';
import { cudaOrdinal } from './ordinal.ts';

/**
 * Weights go to the card by themselves, not through the pool, whose pieces are powers of two; and a node that would run on the processor
 * is refused, since it would pull its inputs over the bus in every call, and nobody would see it.
 */
const onCard = (ordinal: number): InferenceSession.SessionOptions => ({
  ...HOST_OPTIONS,
  executionProviders: [{ name: 'cuda', deviceId: ordinal }],
  // Refusals are told by us.
  logSeverityLevel: 4,
  extra: { session: { disable_cpu_ep_fallback: '1', use_device_allocator_for_initializers: '1' } },
});

/** Sessions on the card that nvidia-smi knows by this number; what they throw is a refusal where no other try would help. */
export function cudaSessions(index: number, meter: RuntimeMeter): MakeSession {
  const options = onCard(cudaOrdinal(index) ?? index);
  return async (graph, weights, folder) => {
    try {
      return await HostSession.create(graph, weights, meter, options, folder);
    } catch (error) {
      const reason = refusalIn(error);
      throw reason === undefined ? error : new EngineRefusal(`cuda:${index}: ${reason}`);
    }
  };
}

const INSTEAD = 'or choose webgpu:0';

/** What CUDA and ONNX Runtime say of a card that cannot be opened at all, and how we say it. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    /assigned to the default CPU EP/,
    "a node of this model does not run on ONNX Runtime's CUDA provider; choose webgpu:0 or a CPU device.",
  ],
  [
    /Failed to load shared library/,
    `ONNX Runtime's CUDA provider does not load; run "npm run setup:cuda" anew, ${INSTEAD}.`,
  ],
  [
    /CUDA failure (35|803|804):/,
    `NVIDIA's driver is too old for this CUDA, or another one than its kernel module; update it, ${INSTEAD}.`,
  ],
  [
    /CUDA failure (100|101):/,
    `CUDA does not see the card; check that nvidia-smi lists it in this container, ${INSTEAD}.`,
  ],
  [/CUDA failure 46:/, `another program has the card for itself; end that program, ${INSTEAD}.`],
  [/CUDA failure (209|222|223):/, `ONNX Runtime's CUDA provider has no code for a card of this age; choose webgpu:0.`],
];

/** Why a card cannot be opened, in a sentence; undefined for any other error, a card that is lost or full among them. */
export function refusalIn(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : String(error);
  return REFUSALS.find(([pattern]) => pattern.test(message))?.[1];
}
