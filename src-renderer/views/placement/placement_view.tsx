import '../../labs/lab_rows.css';
import './placement.css';
import { useMemo, useState } from 'react';
import type { PlacementTable } from '../../../engine/protocol/labs.ts';
import type { Params } from '../../../engine/protocol/messages.ts';
import { useSession } from '../../app/context.tsx';
import { LabFrame } from '../../labs/lab_frame.tsx';
import { useLab } from '../../labs/use_lab.ts';
import { useLabSource } from '../../labs/use_lab_source.ts';
import { BalancePanel } from './balance_panel.tsx';
import { DevicesPanel } from './devices_panel.tsx';
import { PlacementKnobs, type PlacementOverrides } from './placement_knobs.tsx';
import { bestRow } from './placement_layout.ts';
import { SharePanel } from './share_panel.tsx';

const DEFAULT_DEVICES = 4;

/** Every placement, made from the first half of what was recorded and scored on the second. */
export function PlacementView() {
  const source = useLabSource();
  const runDevices = useSession((s) => s.snapshot.run?.settings.devices.length ?? 1);
  const [overrides, setOverrides] = useState<PlacementOverrides>({});
  const [chosen, setChosen] = useState<readonly string[]>();
  const own = source.kind === 'live' && runDevices > 1 ? runDevices : DEFAULT_DEVICES;
  const params: Params<'placementLab'> = { source, devices: own, groups: 1, nodes: 1, ...overrides };
  const lab = useLab('placementLab', params);
  const table = lab.result;
  const drawn = useMemo(() => chosen ?? defaultMethods(table), [chosen, table]);
  const toggle = (method: string) =>
    setChosen(drawn.includes(method) ? drawn.filter((other) => other !== method) : [...drawn, method]);
  return (
    <LabFrame
      lab={lab}
      subject={table?.subject}
      task="Placing the experts by every method"
      warnings={table?.warnings}
      controls={<PlacementKnobs table={table} devices={params.devices} overrides={overrides} onChange={setOverrides} />}
    >
      {(result) => (
        <div className="placement-panels">
          <BalancePanel table={result} params={params} drawn={drawn} onToggle={toggle} />
          <SharePanel table={result} drawn={drawn} />
          <DevicesPanel table={result} />
        </div>
      )}
    </LabFrame>
  );
}

/** Before a choice: as stored, and the best. */
function defaultMethods(table: PlacementTable | undefined): readonly string[] {
  const best = bestRow(table?.rows ?? []);
  return best === undefined || best.method === 'contiguous' ? ['contiguous'] : ['contiguous', best.method];
}
