import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Packs } from '../../engine/protocol/packs.ts';
import { PrecisionLabParams, type PrecisionTable } from '../../engine/protocol/precision.ts';
import type { Precision } from '../../engine/protocol/settings.ts';
import type { EngineLink } from '../bridge/engine_link.ts';
import { LabQuery } from '../labs/lab_query.ts';
import type { SessionState } from '../stores/session.ts';
import { type SettingsState, sameValue } from '../stores/settings.ts';

export interface PrecisionLab {
  readonly query: LabQuery<PrecisionTable>;
  /** Expert packs on disk, as last looked at. */
  readonly packs: StoreApi<{ readonly found: Packs | undefined }>;
  /** The model that the answer at hand is about. */
  answeredModel(): string | undefined;
  measure(): Promise<void>;
  stopRunAndMeasure(): Promise<void>;
  cancel(): Promise<void>;
  lookForPacks(): Promise<void>;
  emptyPacks(): Promise<void>;
}

const PRESET = PrecisionLabParams.parse({}).precisions;

/** What few bits cost, measured with the open model, and the packs they are read from. Kept as long as the window lives. */
export function createPrecisionLab(
  engine: EngineLink,
  session: StoreApi<SessionState>,
  settings: StoreApi<SettingsState>,
): PrecisionLab {
  const query = new LabQuery<PrecisionTable>(() => performance.now());
  const packs = createStore<{ readonly found: Packs | undefined }>()(() => ({ found: undefined }));
  let asked: { readonly key: string; readonly fingerprint: string } | undefined;
  const lookForPacks = async () => packs.setState({ found: await engine.request('packs', {}) });
  async function measure() {
    const fingerprint = session.getState().snapshot.model?.fingerprint;
    if (fingerprint === undefined || query.state.isAsking) return;
    const precisions = measuredPrecisions(settings.getState().draft.precision);
    const key = JSON.stringify([fingerprint, precisions]);
    const isSame = key === asked?.key;
    asked = { key, fingerprint };
    const ask = () => engine.request('precisionLab', PrecisionLabParams.parse({ precisions }));
    if (isSame) query.refresh();
    else query.set({ key, about: fingerprint, ask });
  }
  return {
    query,
    packs,
    measure,
    async stopRunAndMeasure() {
      await engine.request('stop', {});
      await measure();
    },
    lookForPacks,
    answeredModel: () => (query.state.answered === asked?.key ? asked?.fingerprint : undefined),
    async cancel() {
      query.cancel();
      await engine.request('cancelLab', {});
    },
    async emptyPacks() {
      packs.setState({ found: await engine.request('emptyPacks', {}) });
    },
  };
}

/** The usual ones, and the one that is chosen where it is none of them. The stored one is measured in any case. */
export function measuredPrecisions(chosen: Precision): readonly Precision[] {
  const isStored = heldAs(chosen.experts) === 'fp32' && heldAs(chosen.dense) === 'fp32';
  if (isStored || PRESET.some((preset) => isSamePrecision(preset, chosen))) return PRESET;
  return [...PRESET, chosen];
}

/** Whether two settings come to the same on a CPU device, on which prices are measured. */
export const isSamePrecision = (a: Precision, b: Precision): boolean =>
  sameValue([heldAs(a.experts), heldAs(a.dense)], [heldAs(b.experts), heldAs(b.dense)]);

const heldAs = (name: Precision['experts']) => (name === 'stored' ? 'fp32' : name);
