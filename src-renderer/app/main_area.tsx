import { FolderOpen, Languages, Package } from 'lucide-react';
import { Suspense } from 'react';
import { useStore } from 'zustand/react';
import { CommandButton } from '../widgets/command_button.tsx';
import { EngineGoneBanner, FailedBanner } from './banners.tsx';
import { useSession, useSettings, useStudio, useSummary } from './context.tsx';
import { OpeningProgress } from './opening_progress.tsx';
import { VIEWS } from './views.ts';

/** The current view, with whatever stands in its way above it. */
export function MainArea() {
  const model = useSession((s) => s.snapshot.model);
  const state = useSession((s) => s.snapshot.state);
  const host = useSession((s) => s.host);
  const hasData = useSummary((s) => s.runId !== undefined);
  const current = useSettings((s) => s.ui.view);
  const showsFile = useStore(useStudio().labs, (s) => s.source.kind !== 'live');
  const { component: View, showsFiles = false } = VIEWS.find(({ id }) => id === current) ?? VIEWS[0];
  const busy = state === 'opening' || state === 'starting' || host.kind === 'connecting';
  const blank = model === undefined && !hasData && !(showsFiles && showsFile);
  return (
    <main className="main">
      {host.kind === 'gone' && <EngineGoneBanner host={host} />}
      {host.kind === 'running' && <FailedBanner />}
      {busy && !blank && <OpeningProgress compact />}
      {!blank && (
        <div className="view">
          <Suspense>
            <View />
          </Suspense>
        </div>
      )}
      {blank && busy && <OpeningProgress compact={false} />}
      {blank && !busy && host.kind === 'running' && <NoModel />}
    </main>
  );
}

function NoModel() {
  return (
    <div className="empty">
      <h2>No model is open</h2>
      <p className="dim">
        Drop a model folder here: config.json, tokenizer.json and safetensors weights, as published. Or begin with the
        bundled demo models: a small language model, and one that translates English into French and German.
      </p>
      <div className="empty-buttons">
        <CommandButton command="model.open" className="button-main">
          <FolderOpen size={14} aria-hidden />
          Open a model folder…
        </CommandButton>
        <CommandButton command="model.openBundled">
          <Package size={14} aria-hidden />
          Open the language model
        </CommandButton>
        <CommandButton command="model.openTranslation">
          <Languages size={14} aria-hidden />
          Open the translation model
        </CommandButton>
      </div>
    </div>
  );
}
