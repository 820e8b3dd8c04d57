import type { ModelSummary } from '../../engine/protocol/model.ts';
import type { RunSettings } from '../../engine/protocol/settings.ts';
import { useSession, useSettings, useStudio } from '../app/context.tsx';
import { expertsPerDevice, pendingKeys } from '../stores/run_settings.ts';
import type { RunPatch } from '../stores/settings.ts';

export interface Knobs {
  readonly model: ModelSummary;
  readonly draft: RunSettings;
  /** Slots at the slider's right end: the experts that a device owns per layer. */
  readonly most: number;
  /** True while another window controls the engine, or none runs. */
  readonly disabled: boolean;
  /** Chosen, but a run in progress keeps its own value until the next run. */
  readonly isPending: (key: keyof RunSettings) => boolean;
  /** Applies a change; a refusal is shown, and the knob falls back. */
  readonly change: (patch: RunPatch) => void;
}

/** What every section of the inspector needs. Undefined while no model is open. */
export function useKnobs(): Knobs | undefined {
  const { actions, notices } = useStudio();
  const snapshot = useSession((s) => s.snapshot);
  const usable = useSession((s) => s.writer && s.host.kind === 'running');
  const draft = useSettings((s) => s.draft);
  const { model, run } = snapshot;
  if (model === undefined) return undefined;
  const pending = pendingKeys(draft, snapshot);
  return {
    model,
    draft,
    most: run?.expertsPerDevice ?? expertsPerDevice(model, draft),
    disabled: !usable,
    isPending: (key) => pending.includes(key),
    change(patch) {
      actions.change(patch).catch((error: Error) => notices.notify({ kind: 'error', title: error.message }));
    },
  };
}
