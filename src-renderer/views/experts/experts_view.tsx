import './experts.css';
import { useMemo } from 'react';
import type { ExpertsMap } from '../../../engine/protocol/labs.ts';
import { useSelection } from '../../app/context.tsx';
import { LabFrame } from '../../labs/lab_frame.tsx';
import { useLab } from '../../labs/use_lab.ts';
import { useLabSource } from '../../labs/use_lab_source.ts';
import { BatchPanel } from './batch_panel.tsx';
import { ConcentrationPanel } from './concentration_panel.tsx';
import { busiestExpert, mostConcentrated } from './expert_figures.ts';
import { LifePanel } from './life_panel.tsx';
import { MapPanel } from './map_panel.tsx';

/** Which experts get the tokens, what the cache makes of it, and the life of one of them. */
export function ExpertsView() {
  const source = useLabSource();
  const lab = useLab('expertsMap', { source });
  const opened = useOpened(lab.result);
  const life = useLab('expertLife', opened === undefined ? undefined : { source, ...opened });
  return (
    <LabFrame lab={lab} subject={lab.result?.subject} task="Counting tokens and replaying the cache">
      {(map) =>
        opened !== undefined && (
          <div className="lab-grid">
            <MapPanel map={map} opened={opened} />
            <ConcentrationPanel map={map} layer={opened.layer} />
            <BatchPanel map={map} layer={opened.layer} life={life} />
            <LifePanel map={map} opened={opened} life={life} />
          </div>
        )
      }
    </LabFrame>
  );
}

export interface Opened {
  readonly layer: number;
  readonly expert: number;
}

/** The pinned cell; before one is pinned the busiest expert of the most concentrated layer. */
function useOpened(map: ExpertsMap | undefined): Opened | undefined {
  const pinned = useSelection((s) => s.pinned);
  return useMemo(() => {
    if (map === undefined) return undefined;
    const { experts, moeLayers } = map.subject;
    const isHere = pinned?.layer !== undefined && pinned.layer < moeLayers.length;
    const layer = isHere && pinned.layer !== undefined ? pinned.layer : mostConcentrated(map);
    const expert = isHere ? pinned.expert : undefined;
    return { layer, expert: expert !== undefined && expert < experts ? expert : busiestExpert(map, layer) };
  }, [map, pinned]);
}
