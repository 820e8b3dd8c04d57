import type { RunRecording } from '../protocol/run_recording.ts';
import { LEDGER_CATEGORIES, STEP_PHASES } from '../protocol/telemetry.ts';
import { type ReportData, reportData } from './report_data.ts';

const REPORT_FORMAT = 'moe-studio-report';
const REPORT_VERSION = 1;

/** Where each part's numbers come from. */
const ORIGIN: Readonly<Partial<Record<keyof ReportData, string>>> = {
  totals: 'measured',
  idle: 'measured',
  memory: 'measured',
  cache: 'measured; cache.audit.replayed is replayed from the recorded routing under the recorded settings',
  curve: 'replayed from the recorded routing; curve.measured is measured over the same steps',
  load: 'measured',
  times: 'measured',
  pace: 'measured',
};

/** The report's numbers as JSON, units in the names (`...Bytes`, `...Ms`; rates and shares are fractions); null for no value. */
export function reportJson(recording: RunRecording): string {
  const document = {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    origin: ORIGIN,
    order: { memoryCategories: LEDGER_CATEGORIES, phases: STEP_PHASES },
    ...reportData(recording),
  };
  return `${JSON.stringify(document)}\n`;
}
