import './cache_lab.css';
import { useMemo, useState } from 'react';
import type { CacheTable, ReplayPolicy, Scored } from '../../../engine/protocol/labs.ts';
import { costOver, type LinkName } from '../../../engine/protocol/links.ts';
import { LabFrame } from '../../labs/lab_frame.tsx';
import { useLab } from '../../labs/use_lab.ts';
import { useLabSource } from '../../labs/use_lab_source.ts';
import { CostPanel } from './cost_panel.tsx';
import { LayersPanel } from './layers_panel.tsx';
import { LossPanel } from './loss_panel.tsx';
import { firstSize, nearestSize, rowOf } from './losses.ts';
import { MissPanel } from './miss_panel.tsx';
import { VerdictPanel } from './verdict_panel.tsx';

/** What every panel of the lab shows: the table, the pinned size and the chosen policy. */
export interface Choice {
  readonly table: CacheTable;
  /** Index into `table.slots`. */
  readonly size: number;
  readonly policy: ReplayPolicy;
  /** What a load costs is projected over this link; absent: as measured in the run. */
  readonly link?: LinkName;
  readonly pinSlots: (slots: number | undefined) => void;
  readonly choosePolicy: (policy: ReplayPolicy) => void;
  readonly chooseLink: (link: LinkName | undefined) => void;
}

/** How small the cache can be before it hurts, and whether it is the policy or the size. */
export function CacheLabView() {
  const source = useLabSource();
  const [scored, setScored] = useState<Scored>('all');
  // By slots and not by index: a live table may come with other sizes.
  const [slots, pinSlots] = useState<number>();
  const [chosen, choosePolicy] = useState<ReplayPolicy>();
  const [link, chooseLink] = useState<LinkName>();
  const lab = useLab('cacheLab', { source, scored });
  const { result } = lab;
  const table = useMemo(() => {
    if (result === undefined || link === undefined) return result;
    const cost = costOver(result.cost, link, result.subject.moeLayers.length);
    return { ...result, ...(cost && { cost }) };
  }, [result, link]);
  const choice = useMemo((): Choice | undefined => {
    if (table === undefined) return undefined;
    const size = slots === undefined ? firstSize(table) : nearestSize(table.slots, slots);
    const policy = rowOf(table, chosen)?.policy ?? 'lru';
    return { table, size, policy, ...(link && { link }), pinSlots, choosePolicy, chooseLink };
  }, [table, slots, chosen, link]);
  return (
    <LabFrame lab={lab} subject={table?.subject} task="Replaying every policy at every size" warnings={table?.warnings}>
      {() =>
        choice !== undefined && (
          <div className="lab-grid">
            <MissPanel choice={choice} scored={scored} onScored={setScored} />
            <VerdictPanel choice={choice} />
            <LossPanel choice={choice} />
            <CostPanel choice={choice} />
            <LayersPanel choice={choice} />
          </div>
        )
      }
    </LabFrame>
  );
}
