import { useEffect, useSyncExternalStore } from 'react';
import type { LabSource } from '../../engine/protocol/labs.ts';
import type { Method, Params, Progress, Results } from '../../engine/protocol/messages.ts';
import { useSession, useStudio, useSummary } from '../app/context.tsx';
import { restMs } from './lab_query.ts';

export interface Lab<R> {
  readonly result: R | undefined;
  readonly isAsking: boolean;
  /** `result` answers an earlier question, or the engine is gone: shown as standing still. */
  readonly isStale: boolean;
  readonly isCancelled: boolean;
  readonly error: string | undefined;
  /** Nothing can be asked: why, in words. */
  readonly blank: string | undefined;
  readonly progress: Progress | undefined;
  /** The question is about the live run, which goes on, and will be asked again without being told to. */
  readonly isFollowing: boolean;
  cancel(): void;
  again(): void;
}

/** How often it is looked whether a live question is due again. */
const LOOK_MS = 250;

/**
 * Asks the engine a lab's question and keeps its answer up to date: again when the parameters change, and, where they look at the
 * live run, as it goes on: while this view is shown, the window is not hidden and no faster than `restMs`.
 * `params` is plain data; undefined asks nothing.
 */
export function useLab<M extends Method>(method: M, params: Params<M> | undefined): Lab<Results[M]> {
  const { engine, session, summary, labQueries } = useStudio();
  const query = labQueries.of(method);
  const state = useSyncExternalStore(
    (listener) => query.subscribe(listener),
    () => query.state,
  );
  const isConnected = useSession((s) => s.host.kind === 'running');
  const runId = useSession((s) => s.snapshot.run?.id);
  const hasModel = useSession((s) => s.snapshot.model !== undefined);
  const progress = useSession((s) => s.progress);
  const isStarting = useSession((s) => s.snapshot.state === 'starting' || s.snapshot.state === 'running');
  const hasSteps = useSummary((s) => s.step > 0);
  const isLive = sourceOf(params)?.kind === 'live';
  const about = `${JSON.stringify(sourceOf(params))} ${isLive ? runId : ''}`;
  const blank =
    isConnected || state.result !== undefined
      ? isLive
        ? blankReason(hasModel, runId, isStarting && !hasSteps)
        : undefined
      : 'The engine does not run: what it recorded can be looked at once it does.';
  const key =
    params === undefined || blank !== undefined ? undefined : keyOf(method, params, isLive ? runId : undefined);

  useEffect(() => {
    if (!isConnected) return;
    query.set(
      key === undefined || params === undefined ? undefined : { key, about, ask: () => engine.request(method, params) },
    );
  }, [engine, query, method, params, key, about, isConnected]);

  // A question that failed because the engine went away is asked again when there is one.
  useEffect(() => {
    if (isConnected && query.state.error !== undefined) query.refresh();
  }, [query, isConnected]);

  useEffect(() => {
    if (!isLive) return;
    let askedAtStep = -1;
    const timer = setInterval(() => {
      const { step } = summary.getState();
      const { snapshot, host } = session.getState();
      const isDue = performance.now() - query.answeredMs >= restMs(query.tookMs);
      if (document.hidden || host.kind !== 'running' || query.state.isAsking || query.state.isCancelled || !isDue)
        return;
      if (snapshot.run === undefined || step === 0 || step === askedAtStep) return;
      askedAtStep = step;
      query.refresh();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [query, session, summary, isLive]);

  return {
    ...state,
    isStale: state.result !== undefined && (state.answered !== key || !isConnected),
    blank,
    isFollowing: isLive && isStarting,
    progress: state.isAsking && progress?.task === method ? progress : undefined,
    cancel() {
      query.cancel();
      // What the engine answers to it changes nothing here: the question was let go of.
      engine.request('cancelLab', {}).catch(() => undefined);
    },
    again: () => query.refresh(),
  };
}

const keyOf = (method: string, params: unknown, runId: string | undefined) =>
  `${method} ${JSON.stringify(params)} ${runId ?? ''}`;

function sourceOf(params: unknown): LabSource | undefined {
  return typeof params === 'object' && params !== null && 'source' in params ? (params.source as LabSource) : undefined;
}

function blankReason(hasModel: boolean, runId: string | undefined, isFirstStep: boolean): string | undefined {
  if (runId !== undefined) return isFirstStep ? 'The run begins: its first steps are on their way.' : undefined;
  return hasModel
    ? 'No run yet: start one, or open a recorded run or a trace.'
    : 'No model is open, and no file either.';
}
