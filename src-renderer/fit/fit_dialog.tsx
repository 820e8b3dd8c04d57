import './fit.css';
import { Dialog } from '@base-ui/react/dialog';
import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand/react';
import type { FitOption, ModelFit } from '../../engine/protocol/fit.ts';
import { isTold } from '../../engine/protocol/model.ts';
import { useStudio } from '../app/context.tsx';
import { bytesText } from '../format/bytes.ts';
import { count } from '../format/numbers.ts';
import { Segments } from '../widgets/segments.tsx';
import { FitBar } from './fit_bar.tsx';
import { type CacheSize, cacheSizes, defaultOption, ledgerWith, settingsOf, slotsOf } from './fit_choice.ts';
import { FitTable } from './fit_table.tsx';

/** Before a model is loaded: what it needs and what of it fits, with a choice made already. Enter loads it. */
export function FitDialog() {
  const fit = useStore(useStudio().dialogs, (s) => s.fit);
  return fit === undefined ? null : <Fit fit={fit} />;
}

function Fit({ fit }: { readonly fit: ModelFit }) {
  const { actions, notices } = useStudio();
  const [index, setIndex] = useState(() => defaultOption(fit));
  const [wanted, setSize] = useState<CacheSize>('all');
  const load = useRef<HTMLButtonElement>(null);
  // The dialog before this one may have had the focus, and went with it.
  useEffect(() => load.current?.focus(), []);
  const option = fit.options[index] as FitOption;
  const sizes = cacheSizes(option);
  const size = sizes.includes(wanted) ? wanted : (sizes[0] as CacheSize);
  const slots = slotsOf(option, size);
  const fits = option.slotsThatFit > 0;
  const budgetBytes = Math.min(...fit.devices.map((device) => device.budgetBytes));
  return (
    <form
      className="dialog-body fit"
      onSubmit={(event) => {
        event.preventDefault();
        actions
          .loadModel(fit.model.path, settingsOf(fit, option, size))
          .catch((error: Error) => notices.notify({ kind: 'error', title: error.message }));
      }}
    >
      <Dialog.Title className="dialog-title">Open {fit.model.name}</Dialog.Title>
      <p className="fit-says">{modelSays(fit)}</p>
      <FitTable options={fit.options} chosen={index} onChoose={setIndex} />
      {fits && sizes.length > 1 && (
        <div className="fit-size">
          <span className="dim">Expert cache</span>
          <Segments
            label="Expert cache"
            options={sizes.map((value) => ({ value, label: sizeWords(option, value) }))}
            value={size}
            onChoose={setSize}
          />
        </div>
      )}
      <FitBar bytes={ledgerWith(option, slots)} budgetBytes={budgetBytes} />
      {fits ? (
        <p className="hint">{devicesSay(fit)}; bytes are those of one device; bytes and times are estimates</p>
      ) : (
        <p className="bad">
          {option.refusal} {anywaySays(fit, option)}
        </p>
      )}
      <div className="dialog-buttons">
        <Dialog.Close className="button">Cancel</Dialog.Close>
        <button ref={load} type="submit" className={fits ? 'button button-main' : 'button'}>
          {fits ? 'Load' : 'Load anyway'}
        </button>
      </div>
    </form>
  );
}

function modelSays({ model, stored }: ModelFit): string {
  const { family, parameters, moeLayers, experts, topK, dtype } = model;
  return (
    `${family}, ${count(parameters)} parameters, ${moeLayers.length} MoE layers of ${experts} experts, top ${topK}; ` +
    `stored ${bytesText(stored.dense)} and ${bytesText(stored.experts)} of experts as ${dtype}, ${bytesText(stored.perExpert)} each`
  );
}

function sizeWords(option: FitOption, size: CacheSize): string {
  if (size === 'all') return 'All experts';
  const slots = slotsOf(option, size);
  return size === 'smallest' ? '1 slot per layer' : `${slots} slots per layer`;
}

function devicesSay({ devices }: ModelFit): string {
  const [first] = devices;
  if (first === undefined) return '';
  if (devices.length === 1) return `${first.id} has a budget of ${bytesText(first.budgetBytes)}`;
  const least = Math.min(...devices.map(({ budgetBytes }) => budgetBytes));
  return `${devices.length} devices with budgets from ${bytesText(least)}`;
}

/** Not whether it works: the system decides that. */
function anywaySays({ devices }: ModelFit, { leastBudgetBytes }: FitOption): string {
  const free = devices.flatMap(({ freeBytes }) => (isTold(freeBytes) ? [freeBytes] : []));
  const known = free.length === 0 ? '' : ` of which ${bytesText(Math.min(...free))} are free`;
  return `Loading it anyway sets the budget to ${bytesText(leastBudgetBytes)},${known}.`.replace(',.', '.');
}
