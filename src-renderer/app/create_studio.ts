import { createEngineLink } from '../bridge/engine_link.ts';
import type { Host } from '../bridge/host.ts';
import { animationFrames } from '../charts/animation_frames.ts';
import { createCommands } from '../commands/commands.ts';
import { CommandRegistry } from '../commands/registry.ts';
import { createPrecisionLab } from '../inspector/precision_lab.ts';
import { KeptQueries } from '../labs/kept_queries.ts';
import { createLabStore } from '../labs/lab_source.ts';
import { FrameBus } from '../stores/frame_bus.ts';
import { createSelectionStore } from '../stores/selection.ts';
import { createSessionStore } from '../stores/session.ts';
import { createSettingsStore } from '../stores/settings.ts';
import { createSummaryStore } from '../stores/summary.ts';
import { createGatingLab } from '../views/gating/gating_lab.ts';
import { createActions } from './actions.ts';
import type { Studio } from './context.tsx';
import { createDialogStore } from './dialogs.ts';
import { createNotices } from './notices.ts';

/** The composition root: makes every store and service of the window once. `stored` is what the host kept, unchecked. */
export function createStudio(host: Host, stored: unknown): Studio {
  const notices = createNotices();
  const parts = {
    host,
    notices,
    engine: createEngineLink(host.transport),
    bus: new FrameBus(animationFrames),
    session: createSessionStore(),
    settings: createSettingsStore(stored),
    selection: createSelectionStore(),
    summary: createSummaryStore(),
    dialogs: createDialogStore(),
    labs: createLabStore(),
    labQueries: new KeptQueries(),
  };
  const actions = createActions(parts);
  const gatingLab = createGatingLab(parts.engine, parts.session);
  const precisionLab = createPrecisionLab(parts.engine, parts.session, parts.settings);
  const commands = new CommandRegistry((command, error) => {
    const reason = error instanceof Error ? error.message : String(error);
    notices.notify({ kind: 'error', title: reason, detail: command.title.replace(/…$/, '') });
  });
  const studio = { ...parts, gatingLab, precisionLab, actions, commands };
  commands.register(createCommands(studio));
  return studio;
}
