import { expect } from 'vitest';
import { auditOf } from '../../engine/coordinator/run_audit.ts';
import type { RunRecording } from '../../engine/protocol/run_recording.ts';
import { CATEGORY_COUNT, LEDGER_CATEGORIES, type TelemetryFrame } from '../../engine/protocol/telemetry.ts';
import { CacheReplay, replayCaches } from '../../engine/replay/replay_cache.ts';
import { toTimeline, toTrace } from '../../engine/report/recording.ts';

/**
 * Chosen experts of every token, by sequence, position, and (in an encoder-decoder) stack: independent of how tokens were dealt to
 * steps and devices.
 */
export function routing(recording: RunRecording): Map<string, string> {
  const chosen = new Map<string, string>();
  const { moeLayers, topK } = recording.header;
  const pairs = recording.header.model.encoderLayers !== undefined;
  for (const { tokens, ids, request, position, phase } of recording.steps) {
    for (let token = 0; token < tokens; token++) {
      const layers = Array.from({ length: moeLayers }, (_, layer) => {
        const at = (layer * tokens + token) * topK;
        return ids.subarray(at, at + topK).join(' ');
      });
      chosen.set(`${request[token]}@${position[token]}${pairs ? ` of ${phase[token]}` : ''}`, layers.join(' | '));
    }
  }
  return chosen;
}

/** Law 4: replaying the trace under the recorded settings gives the live counters to the unit, from the file and as it was shown live. */
export function checkReplay(recording: RunRecording, live: TelemetryFrame['audit']) {
  const replay = replayCaches(toTrace(recording), toTimeline(recording));
  const audit = auditOf(recording, replay);
  expect(audit.replayed).toEqual(audit.measured);
  expect(live).toEqual(audit);
  expect(audit.measured.misses).toBeGreaterThan(0);
  return { audit, replay };
}

/** Law 6: the ledger stays in its budget, adds up, and its experts line is residents times bytes. @param expertBytes of one expert of a layer */
export function checkLedger(recording: RunRecording, expertBytes: (layer: number) => number): void {
  const { devices: used, moeLayers, experts } = recording.header;
  const trace = toTrace(recording);
  const pending = [...toTimeline(recording).changes];
  const replay = new CacheReplay(moeLayers, experts);
  /** Loads less evictions of caches that were opened anew since, by device and layer. */
  let gone: number[][] = [];
  const expertsLine = LEDGER_CATEGORIES.indexOf('experts');
  const held = (device: number, layer: number) => {
    const { loads, evictions } = replay.counters(device, layer);
    return loads - evictions;
  };
  for (const { step, ledgerBytes, peakBytes } of recording.steps) {
    while (pending[0] !== undefined && pending[0].atStep <= step) {
      const change = pending.shift() as (typeof pending)[number];
      replay.apply(change);
      if (change.cold)
        gone = used.map((_, device) => Array.from({ length: moeLayers }, (_, layer) => held(device, layer)));
    }
    replay.step(trace, step);
    for (const [device, { budgetBytes }] of used.entries()) {
      const categories = Array.from(ledgerBytes.subarray(device * CATEGORY_COUNT, (device + 1) * CATEGORY_COUNT));
      const total = categories.reduce((sum, bytes) => sum + bytes, 0);
      expect(Math.min(...categories)).toBeGreaterThanOrEqual(0);
      expect(peakBytes[device]).toBeGreaterThanOrEqual(total);
      expect(peakBytes[device]).toBeLessThanOrEqual(budgetBytes);
      let residentBytes = 0;
      for (let layer = 0; layer < moeLayers; layer++) {
        residentBytes += (held(device, layer) - (gone[device]?.[layer] ?? 0)) * expertBytes(layer);
      }
      expect(categories[expertsLine]).toBe(residentBytes);
    }
  }
}
