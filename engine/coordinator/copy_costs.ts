import { EngineRefusal } from '../api.ts';
import { bytesHeld } from '../protocol/model.ts';
import type { RunRecording } from '../protocol/run_recording.ts';
import { type CopyCosts, NEVER_COPIED } from '../replay/copy_table.ts';
import { CacheReplay } from '../replay/replay_cache.ts';
import { toTimeline } from '../report/recording.ts';
import type { RoutingTrace } from '../trace/trace.ts';
import { costOf } from './cache_lab.ts';

export const expertBytesOf = ({ header }: RunRecording): number =>
  bytesHeld(header.model, header.settings.precision).perExpert;

/** What a copy took in a run, ms. Measured. @throws EngineRefusal where it copied too few to say */
export function measuredCopyMs(recording: RunRecording): number {
  const cost = costOf(recording);
  if (cost !== undefined) return cost.loadMs;
  throw new EngineRefusal(
    `${recording.header.id}: it copied too few experts to say what a copy takes; name a link with --link, or take a run with fewer slots.`,
  );
}

/** What a row of a missing expert took on the host in a run, ms: measured; undefined where none was computed there. */
export function measuredRowMs({ header, settings, steps }: RunRecording, trace: RoutingTrace): number | undefined {
  const { changes } = toTimeline({ header, settings });
  const rowsOf = new Float64Array(header.devices.length);
  const replay = new CacheReplay(trace.moeLayers, trace.experts, (kind, { device }, _, rows) => {
    if (kind === 'compute') rowsOf[device] = (rowsOf[device] as number) + rows;
  });
  let [rows, computeMs] = [0, 0];
  for (const [step, measured] of steps.entries()) {
    for (const change of changes) if (change.atStep === step) replay.apply(change);
    replay.step(trace, step);
    // The time is the slowest device's, and so are the rows that it is divided by.
    rows += Math.max(...rowsOf);
    computeMs += measured.computeMs;
    rowsOf.fill(0);
  }
  return rows === 0 ? undefined : computeMs / rows;
}

/** The best limit in words: where it lies tells whether to copy or to compute. @param costs that the table was made with */
export function copyVerdict(best: number, { copyMs, rowMs }: CopyCosts): string {
  if (best === 0) return 'copy every missing expert at once';
  if (best === NEVER_COPIED) return 'compute every missing expert on the host';
  const price = Math.floor(copyMs / rowMs);
  return `compute up to ${best} ${best === 1 ? 'row' : 'rows'} of a missing expert, then copy it; a copy costs ${price} rows`;
}
