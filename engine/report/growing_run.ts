import path from 'node:path';
import { RunParser } from '../protocol/run_parser.ts';
import type { RunRecording } from '../protocol/run_recording.ts';
import { type RoutingTrace, RoutingTraceBuilder } from '../trace/trace.ts';
import { fileLines } from './file_lines.ts';
import { MOST_RECORDING_BYTES } from './run_reader.ts';

/**
 * A run file that is still being written: each `read` takes what came since the last one. What it returns stays as it is while the
 * file grows on.
 */
export class GrowingRun {
  private readonly parser: RunParser;
  private trace: RoutingTraceBuilder | undefined;
  private bytes = 0;
  private over = false;
  private reading: Promise<void> = Promise.resolve();

  constructor(readonly file: string) {
    this.parser = new RunParser(path.basename(file));
  }

  /** @throws EngineRefusal where the file cannot be read, is no run file, or has not begun */
  async read(): Promise<{ readonly recording: RunRecording; readonly trace: RoutingTrace }> {
    // Two questions at once take each line once.
    this.reading = this.reading.catch(() => undefined).then(() => this.readOn());
    await this.reading;
    const recording = this.parser.finish();
    const { header, steps } = recording;
    this.trace ??= new RoutingTraceBuilder({ moeLayers: header.moeLayers, experts: header.experts, topK: header.topK });
    while (this.trace.steps < steps.length) this.trace.appendStep(steps[this.trace.steps] as (typeof steps)[number]);
    const { settings, sequences } = recording;
    return {
      recording: { ...recording, settings: [...settings], sequences: [...sequences], steps: [...steps] },
      trace: this.trace.soFar(),
    };
  }

  private async readOn(): Promise<void> {
    if (this.over) return;
    for await (const line of fileLines(this.file, MOST_RECORDING_BYTES, this.bytes)) {
      this.bytes += Buffer.byteLength(line) + 1;
      this.over = !this.parser.push(line);
      if (this.over) break;
    }
  }
}
