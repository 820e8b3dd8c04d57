import './cache_section.css';
import { useState } from 'react';
import { bytesHeld } from '../../engine/protocol/model.ts';
import { LEDGER_CATEGORIES } from '../../engine/protocol/telemetry.ts';
import { useSession, useSummary } from '../app/context.tsx';
import { slotsAt, slotsInForce } from '../stores/run_settings.ts';
import { CommandButton } from '../widgets/command_button.tsx';
import { CacheFigures, ReplayCheck } from './cache_figures.tsx';
import { CacheSlider } from './cache_slider.tsx';
import { CopiesRow } from './copies_row.tsx';
import { EvictionRow } from './eviction_row.tsx';
import { MemoryBar } from './memory_bar.tsx';
import { MissCurve } from './miss_curve.tsx';
import { expertCacheBytes, predict } from './prediction.ts';
import { PrefetchRow } from './prefetch_row.tsx';
import { ScopeRow } from './scope_row.tsx';
import type { Knobs } from './use_knobs.ts';

const EXPERTS = LEDGER_CATEGORIES.indexOf('experts');

/** The slider, the curve it lies under, and what the size under the thumb would mean. */
export function CacheSection({ knobs }: { readonly knobs: Knobs }) {
  const { model, draft, most, disabled, change } = knobs;
  const [moving, setMoving] = useState<number>();
  const run = useSession((s) => s.snapshot.run);
  const curve = useSummary((s) => s.curve);
  const audit = useSummary((s) => s.audit);
  const ledger = useSummary((s) => s.ledgerBytes);

  const slots = moving ?? slotsInForce(draft.cacheSlots, most);
  const dragging = moving !== undefined;
  // The slider moves the run in progress, whatever waits for the next one.
  const precision = run !== undefined && knobs.isPending('precision') ? run.settings.precision : draft.precision;
  const expertBytes = expertCacheBytes(slots, model.moeLayers.length, bytesHeld(model, precision).perExpert);
  const fullest = ledger.reduce<readonly number[] | undefined>(
    (best, device) => ((best?.[EXPERTS] ?? -1) >= (device[EXPERTS] ?? 0) ? best : device),
    undefined,
  );
  const counted = curve !== undefined && curve.measured.toStep > curve.measured.fromStep;
  const stale = curve !== undefined && draft.eviction !== 'auto' && curve.eviction !== draft.eviction;

  return (
    <section className="section" aria-label="Expert cache">
      <h3 className="section-title">Expert cache</h3>
      <div className="slots">
        <span className="row-label">
          Slots per layer and device
          {knobs.isPending('cacheSlots') && <span className="badge badge-next">next run</span>}
        </span>
        <span className="slots-figure">
          {slots}
          <span className="slots-of">of {most}</span>
        </span>
      </div>
      <div className={stale ? 'curve-box curve-stale' : 'curve-box'}>
        {curve === undefined ? (
          <p className="hint curve-empty">The miss curve appears here after the first steps of a run.</p>
        ) : (
          <MissCurve curve={curve} most={most} slots={slots} dragging={dragging} />
        )}
        {stale && <p className="badge curve-stale-words">Replaying for the new policy…</p>}
      </div>
      <CacheSlider
        most={most}
        value={slots}
        disabled={disabled}
        onMove={setMoving}
        onSettle={(settled) => {
          setMoving(undefined);
          change({ cacheSlots: slotsAt(settled, most) });
        }}
      />
      <div className="slider-scale hint" aria-hidden>
        <span>1</span>
        <span>{Math.round((most + 1) / 2)}</span>
        <span>{most}, all</span>
      </div>
      <CacheFigures
        prediction={curve === undefined ? undefined : predict(curve, slots)}
        expertBytes={expertBytes}
        dragging={dragging}
        measured={{
          hitRate: counted ? 1 - curve.measured.missRate : undefined,
          tokensPerSecond: counted ? curve.measured.tokensPerSecond : undefined,
          steps: counted ? curve.measured.toStep - curve.measured.fromStep : undefined,
          expertBytes: fullest?.[EXPERTS],
        }}
      />
      {fullest !== undefined && run !== undefined && (
        <MemoryBar
          now={fullest}
          expertBytes={expertBytes}
          budgetBytes={run.budgetBytes[ledger.indexOf(fullest)] ?? 0}
          expectedBytes={run.expectedBytes.reduce((sum, bytes) => sum + bytes, 0)}
        />
      )}
      {curve !== undefined && (
        <p className="hint recommended">
          <svg width="9" height="8" aria-hidden className="curve-recommended">
            <path d="M0 0 h9 l-4.5 8 z" />
          </svg>{' '}
          Recommended {curve.recommended.slots}: {sentence(curve.recommended.reason)}{' '}
          {curve.recommended.slots !== slots && (
            <CommandButton command="cache.recommended" className="button-link">
              Use {curve.recommended.slots}
            </CommandButton>
          )}
        </p>
      )}
      <ReplayCheck audit={audit} curve={curve} most={most} />
      <ScopeRow knobs={knobs} slots={slots} />
      <EvictionRow knobs={knobs} />
      <CopiesRow knobs={knobs} />
      <PrefetchRow knobs={knobs} />
    </section>
  );
}

const sentence = (text: string) => (text.endsWith('.') ? text : `${text}.`);
