import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { packingPause } from '../../coordinator/expert_pack.ts';
import { LinkSpeeds } from '../../coordinator/link_speeds.ts';
import { noteLoadRate } from '../../coordinator/load_rate.ts';
import { describeMachine } from '../../coordinator/machine.ts';
import type { MemoryCheck } from '../../coordinator/measured_memory.ts';
import { openModel } from '../../coordinator/open_model.ts';
import type { Run } from '../../coordinator/run.ts';
import { startRun } from '../../coordinator/run_start.ts';
import type { TelemetryFrame } from '../../protocol/telemetry.ts';
import { bytesText } from '../../report/format.ts';
import { reportHtml } from '../../report/report_html.ts';
import { readRun } from '../../report/run_reader.ts';
import { defaultDataDir } from '../folders.ts';
import { type Command, parseFlags, printJson, textFlag } from './command.ts';
import { ProgressBar } from './progress_bar.ts';
import { RUN_FLAGS, RUN_HELP, readRunFlags } from './run_flags.ts';

export const run: Command = {
  name: 'run',
  summary: 'Generates text with a model and records what its experts did',
  help: RUN_HELP,
  options: RUN_FLAGS,
  async run(args) {
    const values = parseFlags(args, RUN_FLAGS);
    const settingsFor = readRunFlags(values);
    const model = openModel(textFlag(values, 'model'));
    const settings = settingsFor(model.summary);
    const dataDir = defaultDataDir();
    const out = typeof values.out === 'string' ? path.resolve(values.out) : undefined;
    const bar = new ProgressBar();
    let totals: TelemetryFrame['totals'] | undefined;
    let audit: TelemetryFrame['audit'];
    let started: Run | undefined;
    const listener = {
      changed: () => undefined,
      warn: (line: string) => {
        bar.end();
        process.stderr.write(`${line}\n`);
      },
      frame: (frame: TelemetryFrame) => {
        totals = frame.totals;
        audit = frame.audit ?? audit;
        const { sequencesDone, sequencesTotal, tokensPerSecond, newTokens } = frame.totals;
        const fraction = newTokens / (sequencesTotal * settings.newTokens);
        bar.show(fraction, `${sequencesDone}/${sequencesTotal} sequences, ${tokensPerSecond.toFixed(0)} tok/s`);
      },
    };
    const packing = new AbortController();
    const interrupt = () => {
      packing.abort();
      started?.stop();
    };
    process.once('SIGINT', interrupt);
    started = await startRun(
      {
        model,
        settings,
        machine: describeMachine(),
        rankEntry: path.join(__dirname, 'rank.cjs'),
        runsDir: path.join(dataDir, 'runs'),
        packsDir: path.join(dataDir, 'packs'),
        packing: packingPause(packing.signal, (fraction, text) => bar.show(fraction, text)),
        signal: packing.signal,
        links: new LinkSpeeds(dataDir, path.join(__dirname, 'link.cjs')),
        loaded: (bytes, ms) => noteLoadRate(dataDir, bytes, ms),
        ...(out !== undefined && { runPath: out }),
      },
      listener,
    );
    const error = await started.ended;
    process.off('SIGINT', interrupt);
    bar.end();
    if (error !== undefined) throw error;
    const file = started.info().path;
    if (typeof values.report === 'string') writeFileSync(values.report, reportHtml(await readRun(file)));
    const memory = started.memory();
    if (values.json) return printJson({ run: file, totals, audit, memory });
    if (totals !== undefined) process.stdout.write(runLines(file, totals, audit, memory));
  },
};

function runLines(
  file: string,
  totals: TelemetryFrame['totals'],
  audit: TelemetryFrame['audit'],
  memory: MemoryCheck,
): string {
  const { steps, elapsedMs, promptTokens, newTokens, hits, misses, evictions, stallMs } = totals;
  const rate = (tokens: number) => `${((tokens / elapsedMs) * 1000).toFixed(1)} tok/s`;
  const lines = [
    `run file    ${file}`,
    `tokens      ${promptTokens} prompt, ${newTokens} new in ${steps} steps, ${(elapsedMs / 1000).toFixed(2)} s (${rate(newTokens)} new, measured)`,
    `cache       ${hits} hits, ${misses} misses (${((100 * misses) / Math.max(1, hits + misses)).toFixed(1)}%), ${evictions} evictions, ${stallMs.toFixed(0)} ms stalled${hiddenText(totals)} (measured)`,
  ];
  const { prefetches = 0, prefetchesUsed = 0, prefetchesHarmed = 0 } = totals;
  if (prefetches > 0) {
    const percent = ((100 * prefetchesUsed) / prefetches).toFixed(1);
    lines.push(
      `prefetch    ${prefetches} of ${totals.loads} loads ahead of need, ${percent}% used, ${prefetchesHarmed} misses of what they pushed out (measured)`,
    );
  }
  const { computedMisses = 0, computeMs = 0 } = totals;
  if (computedMisses > 0) {
    lines.push(
      `host        ${computedMisses} of ${misses} misses computed instead of copied, ${computeMs.toFixed(0)} ms (measured)`,
    );
  }
  for (const [device, { estimatedTotal, measuredTotal, difference }] of memory.entries()) {
    const percent = `${difference < 0 ? '' : '+'}${(difference * 100).toFixed(1)}%`;
    lines.push(
      `memory ${device}    ${bytesText(measuredTotal)} at its highest (measured), ${bytesText(estimatedTotal)} estimated before loading: ${percent}`,
    );
  }
  if (audit !== undefined) {
    lines.push(
      `replay      ${audit.replayed.misses} misses, ${audit.replayed.evictions} evictions over ${audit.steps} steps (replayed)`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Of the loads' time, what passed while a device ran experts. */
function hiddenText({ stallMs, hiddenMs = 0 }: TelemetryFrame['totals']): string {
  return hiddenMs === 0
    ? ''
    : `, ${((100 * hiddenMs) / (hiddenMs + stallMs)).toFixed(1)}% of load time hidden, sampled`;
}
