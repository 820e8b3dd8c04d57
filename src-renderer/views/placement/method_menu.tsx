import { Menu } from '@base-ui/react/menu';
import { Ellipsis, FileJson, Play } from 'lucide-react';
import { PlacementFormat, type PlacementRow } from '../../../engine/protocol/labs.ts';
import type { Params } from '../../../engine/protocol/messages.ts';
import { PlacementName } from '../../../engine/protocol/settings.ts';
import { useSession, useStudio } from '../../app/context.tsx';
import { takesChanges } from '../../stores/run_settings.ts';

const FORMATS: Readonly<Record<PlacementFormat, { readonly title: string; readonly hint: string }>> = {
  eplb: { title: 'EPLB', hint: 'phy2log, log2phy, logcnt' },
  sglang: { title: 'SGLang', hint: 'for --init-expert-location' },
  'vllm-ascend': { title: 'vLLM-Ascend', hint: 'for expert_map_path' },
};

interface MethodMenuProps {
  readonly row: PlacementRow;
  readonly params: Params<'placementLab'>;
}

/** What can be done with a method: run with it, or take its placement to another engine. */
export function MethodMenu({ row: { method, title }, params }: MethodMenuProps) {
  const { engine, host, actions, notices } = useStudio();
  const isLive = useSession((s) => takesChanges(s.snapshot));
  const usable = useSession((s) => s.host.kind === 'running');
  const canChange = useSession((s) => s.writer && s.snapshot.model !== undefined);
  const setting = PlacementName.safeParse(method).data;
  const guard = (work: Promise<unknown>) => {
    work.catch((error: Error) => notices.notify({ kind: 'error', title: error.message }));
  };
  const save = async (format: PlacementFormat) => {
    const { fileName, content } = await engine.request('placementExport', { ...params, method, format });
    const where = await host.saveReport(fileName, content);
    if (where !== undefined)
      notices.notify({ kind: 'done', title: 'Placement saved', detail: where, key: 'placement' });
  };
  return (
    <Menu.Root>
      <Menu.Trigger className="icon-button" disabled={!usable} aria-label={`Use or export ${title}`}>
        <Ellipsis size={14} aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="popup-layer" sideOffset={4} align="end">
          <Menu.Popup className="popup">
            {setting !== undefined && (
              <>
                <Menu.Item
                  className="popup-item"
                  disabled={!canChange}
                  onClick={() => guard(actions.change({ placement: setting }))}
                >
                  <Play size={14} aria-hidden />
                  Use this placement
                  <span />
                  <span className="hint">{isLive ? 'In the run, from its next step' : 'In the next run'}</span>
                </Menu.Item>
                <Menu.Separator className="popup-line" />
              </>
            )}
            {PlacementFormat.options.map((format) => (
              <Menu.Item key={format} className="popup-item" onClick={() => guard(save(format))}>
                <FileJson size={14} aria-hidden />
                Export for {FORMATS[format].title}…
                <span />
                <span className="hint">{FORMATS[format].hint}</span>
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
