import { createStore, type StoreApi } from 'zustand/vanilla';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import type { RunState } from '../../../engine/protocol/messages.ts';
import type { EngineLink } from '../../bridge/engine_link.ts';
import { LabQuery } from '../../labs/lab_query.ts';
import type { SessionState } from '../../stores/session.ts';

export interface GatingKnobs {
  /** Capacity fraction C of static gating. */
  readonly capacity: number;
  /** Capacity factor f of Tutel. */
  readonly tutelFactor: number;
  /** Sequences in a step. */
  readonly batch: number;
}

export interface GatingLab {
  readonly knobs: StoreApi<GatingKnobs>;
  readonly query: LabQuery<GatingTable>;
  /** Key of the question as the knobs and the open model put it now. */
  currentKey(): string | undefined;
  measure(): Promise<void>;
  stopRunAndMeasure(): Promise<void>;
  cancel(): Promise<void>;
}

/** Batches of the throughput curve, and capacities of the quality curve. */
const BATCHES = [1, 4, 16];
const CAPACITIES = [0.02, 0.05, 0.1, 0.25, 0.5, 1];

const IN_PROGRESS: ReadonlySet<RunState> = new Set<RunState>(['starting', 'running', 'paused', 'stopping']);

/** Whether a run has the model: an experiment would take its time and get a share of its memory. */
export const isRunInProgress = (state: RunState): boolean => IN_PROGRESS.has(state);

/**
 * The gating experiment of this window. It lives as long as the window: what took a minute to measure is still there
 * after a look at another view.
 */
export function createGatingLab(engine: EngineLink, session: StoreApi<SessionState>): GatingLab {
  const knobs = createStore<GatingKnobs>()(() => ({ capacity: 1, tutelFactor: 0, batch: 8 }));
  const query = new LabQuery<GatingTable>(() => performance.now());
  let askedKey: string | undefined;

  const currentKey = () => {
    const { model } = session.getState().snapshot;
    return model === undefined ? undefined : gatingKey(model.fingerprint, knobs.getState());
  };
  async function measure() {
    const key = currentKey();
    if (key === undefined || query.state.isAsking) return;
    const params = { ...knobs.getState(), batches: BATCHES, capacities: CAPACITIES };
    const isSame = key === askedKey;
    askedKey = key;
    if (isSame) query.refresh();
    else
      query.set({
        key,
        about: session.getState().snapshot.model?.fingerprint ?? '',
        ask: () => engine.request('gatingLab', params),
      });
  }
  return {
    knobs,
    query,
    currentKey,
    measure,
    async stopRunAndMeasure() {
      await engine.request('stop', {});
      await measure();
    },
    async cancel() {
      query.cancel();
      await engine.request('cancelLab', {});
    },
  };
}

export const gatingKey = (fingerprint: string, { capacity, tutelFactor, batch }: GatingKnobs): string =>
  `${fingerprint} ${capacity} ${tutelFactor} ${batch}`;
