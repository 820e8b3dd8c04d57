import { STEP_PHASES } from '../../engine/protocol/telemetry.ts';
import type { Bench, Figure } from './bench.ts';
import { profileDecode } from './cpu_profile.ts';
import { cpuDevices, decodeSteps, measureRun } from './engine_run.ts';
import { median } from './statistics.ts';

const BATCH = 8;
const GOAL = 0.25;

export const step: Bench = {
  id: 'step',
  title: "A decode step's time at batch 8, by phase, and what of it is not ONNX Runtime",
  figures: [
    ...STEP_PHASES.map((phase) => `step.phases.${phase}`),
    'step.ms',
    'step.not_runtime',
    'step.not_runtime_wall',
    'step.profile',
  ],
  async *run(context): AsyncGenerator<Figure> {
    const run = await measureRun(context, context.model, {
      devices: cpuDevices(1),
      batch: BATCH,
      promptCount: BATCH,
      promptTokens: 64,
      newTokens: 256,
    });
    const steps = decodeSteps(run, BATCH);
    const total = (of: (row: (typeof steps)[number]) => number) => steps.reduce((sum, row) => sum + of(row), 0);
    const durationMs = total((row) => row.durationMs);
    for (const [index, phase] of STEP_PHASES.entries()) {
      const spent = total((row) => row.phaseMs[index] as number);
      yield {
        id: `step.phases.${phase}`,
        value: spent / steps.length,
        unit: 'ms/step',
        how: 'measured',
        versus: { baseline: 'step.ms', ratio: spent / durationMs },
      };
    }
    const detail = `1 device, batch ${BATCH}, mean of ${steps.length} steps without a load`;
    yield {
      id: 'step.ms',
      value: durationMs / steps.length,
      unit: 'ms/step',
      how: 'measured',
      detail: `${detail}; median ${median(steps.map((row) => row.durationMs)).toFixed(2)}`,
    };
    const runtimeMs = total((row) => row.runtimeMs);
    yield share(
      'step.not_runtime',
      1 - runtimeMs / durationMs,
      "of the coordinator's step, from plan sent to results received",
    );
    yield share(
      'step.not_runtime_wall',
      1 - runtimeMs / total((row) => row.wallMs),
      'of the time from the end of a step to the end of the next',
    );
    if (context.profile) yield* profileDecode(context, BATCH);
  },
};

/** Inside ONNX Runtime is what a rank measures around its calls: the binding and a turn of the event loop belong to it. */
function share(id: string, value: number, detail: string): Figure {
  return {
    id,
    value: value * 100,
    unit: '%',
    how: 'measured',
    detail,
    versus: { goal: `< ${GOAL * 100}%`, met: value < GOAL },
  };
}
