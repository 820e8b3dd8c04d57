import { toBase64 } from '../../engine/protocol/base64.ts';
import type { RunRecord } from '../../engine/protocol/run_file.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';

/**
 * The records that a recording says it holds, made anew from its arrays, in the order of `anyRun`: the settings at the start,
 * then for each step its sequence, its change of settings, and itself.
 */
export function toRecords({ settings, sequences, steps, endReason }: RunRecording): RunRecord[] {
  const changes = settings.map(({ placement, eviction, copyAfterRows, lost, ...rest }, index): RunRecord => {
    const { devices, split, copies, deviceOf } = placement;
    const moved = deviceOf !== settings[index - 1]?.placement.deviceOf;
    const counts = split === 'levelled' && { copies: toBase64(copies) };
    return {
      t: 'settings',
      ...rest,
      ...(rest.settings.eviction === 'auto' && { eviction }),
      ...(copyAfterRows.some((rows) => rows > 0) && { copyAfterRows }),
      ...(lost.length > 0 && { lost }),
      ...(moved && { placement: { devices, split, deviceOf: toBase64(deviceOf), ...counts } }),
    };
  });
  const records = changes.slice(0, 1);
  for (const step of steps) {
    for (const { fromStep, tokens, ...sequence } of sequences) {
      if (fromStep === step.step) records.push({ t: 'sequence', ...sequence, tokens: toBase64(tokens) });
    }
    records.push(...changes.slice(1).filter((change) => change.t === 'settings' && change.atStep === step.step));
    const { step: n, endMs, durationMs, stallMs, hiddenMs, computeMs, hostBytes } = step;
    records.push({
      t: 'step',
      n,
      endMs,
      durationMs,
      stallMs,
      ...(hiddenMs > 0 && { hiddenMs }),
      ...(computeMs > 0 && { computeMs, hostBytes }),
      tokens: {
        count: step.tokens,
        request: toBase64(step.request),
        position: toBase64(step.position),
        phase: toBase64(step.phase),
      },
      ids: toBase64(step.ids),
      weights: toBase64(step.weights),
      cache: toBase64(step.cache),
      ledger: toBase64(step.ledgerBytes),
      peak: toBase64(step.peakBytes),
      share: toBase64(step.share),
      phaseMs: toBase64(step.phaseMs),
      dropped: step.droppedPairs,
      padding: step.paddingRows,
      emitted: [...step.emitted],
    });
  }
  if (endReason !== undefined) records.push({ t: 'end', reason: endReason });
  return records;
}
