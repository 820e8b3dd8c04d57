import { useState } from 'react';
import type { GatingTable } from '../../../engine/protocol/labs.ts';
import { STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import { phaseVariable } from '../../charts/chart_theme.ts';
import { PHASE_NAMES } from '../../format/phases.ts';
import { msText } from '../../format/time.ts';
import { phaseParts, phaseTotalMs } from './gating_layout.ts';
import { width } from './slots_chart.tsx';

/** Time of a step by phase, one bar a policy; the key below reads the policy under the pointer. */
export function StepTimeChart({ table }: { readonly table: GatingTable }) {
  const { rows } = table;
  const [pointed, setPointed] = useState<string>();
  const read =
    rows.find(({ policy }) => policy === pointed) ?? rows.find(({ policy }) => policy === 'dynamic') ?? rows[0];
  const longest = Math.max(...rows.map(phaseTotalMs), 0);
  return (
    <div className="lab-rows-box">
      <table className="lab-rows">
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Policy</th>
            <th scope="col">Phases</th>
            <th scope="col">Time of a step</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={row.policy}
              data-policy={row.policy}
              data-read={row === read}
              onPointerEnter={() => setPointed(row.policy)}
              onPointerLeave={() => setPointed(undefined)}
            >
              <th scope="row">{row.title}</th>
              <td className="lab-rows-plot">
                <div className="gating-bar">
                  {phaseParts(row, longest).map((part) => (
                    <span
                      key={part.phase}
                      style={{ width: width(part.width), background: `var(${phaseVariable(part.phase)})` }}
                    />
                  ))}
                </div>
              </td>
              <td>{msText(row.stepMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {read !== undefined && (
        <div className="gating-phases">
          <span className="gating-phases-of">{read.title}</span>
          {STEP_PHASES.filter((phase) => rows.some((row) => row.phaseMs[phase] >= longest * 0.001)).map((phase) => (
            <span key={phase} className="gating-phase">
              <span className="gating-key" style={{ background: `var(${phaseVariable(phase)})` }} />
              {PHASE_NAMES[phase]} <span className="gating-phase-ms">{msText(read.phaseMs[phase])}</span>
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
