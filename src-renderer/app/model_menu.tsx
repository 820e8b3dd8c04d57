import { Menu } from '@base-ui/react/menu';
import { ChevronDown, FolderOpen, Languages, Package } from 'lucide-react';
import { useState } from 'react';
import type { ModelSummary } from '../../engine/protocol/model.ts';
import type { RecentModel } from '../bridge/host_api.ts';
import { Keys } from '../widgets/keys.tsx';
import { useSession, useStudio } from './context.tsx';

/** The model in words, as on the chip: "OLMoE, 8 layers, 64 experts, top 4". */
export function modelWords({ family, moeLayers, experts, topK }: ModelSummary): string {
  return `${family}, ${moeLayers.length} MoE layers, ${experts} experts, top ${topK}`;
}

export function ModelMenu() {
  const { commands, host, actions, notices } = useStudio();
  const model = useSession((s) => s.snapshot.model);
  const state = useSession((s) => s.snapshot.state);
  const usable = useSession((s) => s.host.kind === 'running' && s.writer);
  const [recents, setRecents] = useState<readonly RecentModel[]>([]);
  const failed = (error: Error) => notices.notify({ kind: 'error', title: error.message });
  const others = recents.filter(({ path }) => path !== model?.path);
  return (
    <Menu.Root
      onOpenChange={(open) => {
        if (open) host.recents().then(setRecents, failed);
      }}
    >
      <Menu.Trigger
        className="chip chip-button"
        disabled={!usable}
        title={model === undefined ? undefined : modelWords(model)}
      >
        <b>{model?.name ?? (state === 'opening' ? 'Opening…' : 'No model')}</b>
        {model !== undefined && <span className="chip-more">{modelWords(model)}</span>}
        <ChevronDown size={14} aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="popup-layer" sideOffset={4} align="start">
          <Menu.Popup className="popup">
            <Menu.Item className="popup-item" onClick={() => commands.execute('model.open')}>
              <FolderOpen size={14} aria-hidden />
              Open a model folder…
              <Keys hotkey="Mod+O" />
            </Menu.Item>
            <Menu.Item className="popup-item" onClick={() => commands.execute('model.openBundled')}>
              <Package size={14} aria-hidden />
              Open the bundled language model
              <span className="hint">demo-lm, 8 MoE layers</span>
            </Menu.Item>
            <Menu.Item className="popup-item" onClick={() => commands.execute('model.openTranslation')}>
              <Languages size={14} aria-hidden />
              Open the bundled translation model
              <span className="hint">demo-mt, encoder and decoder</span>
            </Menu.Item>
            {others.length > 0 && <Menu.Separator className="popup-line" />}
            {others.map(({ path, name, exists }) => (
              <Menu.Item
                key={path}
                className="popup-item"
                onClick={() => {
                  (exists ? actions.openModel(path) : host.removeRecent(path)).catch(failed);
                }}
              >
                <span />
                {name}
                <span className="hint">{exists ? path : 'Not there any more: remove it from this list'}</span>
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
