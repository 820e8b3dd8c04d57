import './phase_bars.css';
import { type CSSProperties, useEffect, useRef } from 'react';
import { STEP_PHASES } from '../../../engine/protocol/telemetry.ts';
import { phaseVariable } from '../../charts/chart_theme.ts';
import { percent } from '../../format/numbers.ts';
import { PHASE_NAMES } from '../../format/phases.ts';
import { msText } from '../../format/time.ts';
import { useLive, useRunNotes } from './live_context.ts';

/** Mean time of a step by phase of the slowest rank: one row a phase, in the order of the step. */
export function PhaseBars() {
  const { feed } = useLive();
  const notes = useRunNotes();
  const list = useRef<HTMLDListElement>(null);
  const empty = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const write = () => {
      const reason = notes.empty();
      if (empty.current !== null) {
        empty.current.hidden = reason === undefined;
        empty.current.textContent = reason ?? '';
      }
      const phases = feed.stats?.phaseMs ?? [];
      const total = phases.reduce((sum, ms) => sum + ms, 0);
      const longest = Math.max(...phases, 0);
      STEP_PHASES.forEach((_, index) => {
        const row = list.current?.children[index];
        const [, bar, time, share] = row?.children ?? [];
        const ms = phases[index] ?? 0;
        if (bar instanceof HTMLElement) bar.style.setProperty('--share', String(longest === 0 ? 0 : ms / longest));
        if (time !== undefined) time.textContent = total === 0 ? '–' : msText(ms);
        if (share !== undefined) share.textContent = total === 0 ? '' : `${percent(ms / total)}%`;
      });
    };
    write();
    return feed.subscribe(write);
  }, [feed, notes]);
  return (
    <div className="plot live-phases-plot">
      <dl className="live-phases" ref={list}>
        {STEP_PHASES.map((phase) => (
          <div key={phase} style={{ '--phase': `var(${phaseVariable(phase)})` } as CSSProperties}>
            <dt>{PHASE_NAMES[phase]}</dt>
            <dd className="live-phase-bar" />
            <dd className="live-phase-value">–</dd>
            <dd className="live-phase-value" />
          </div>
        ))}
      </dl>
      <div ref={empty} className="plot-empty" hidden />
    </div>
  );
}
