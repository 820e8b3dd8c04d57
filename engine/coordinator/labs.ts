import type { LabSource } from '../protocol/labs.ts';
import type { Method, Params, Progress, Results } from '../protocol/messages.ts';
import { cacheTable } from '../replay/cache_table.ts';
import { expertLife } from '../replay/expert_life.ts';
import { expertsMap } from '../replay/experts_map.ts';
import { Pace } from '../replay/pace.ts';
import { GrowingRun } from '../report/growing_run.ts';
import { cacheQuestion } from './cache_lab.ts';
import { expertsQuestion } from './experts_lab.ts';
import { gatingLab, type LabSteps } from './gating_lab.ts';
import { type LabMaterial, openLabSource } from './lab_source.ts';
import type { OpenModel } from './open_model.ts';
import { placementExport, placementLab } from './placement_lab.ts';
import { type PrecisionSteps, precisionLab } from './precision_lab.ts';

/** A recording is large: it is let go of when nobody has asked for so long. */
const KEEP_MS = 60_000;

type Steps = Pick<LabSteps, 'rankEntry' | 'pause'>;

/** Questions about a routing trace, and experiments with the open model. They run beside the requests of a run and can be cancelled. */
export class Labs {
  private readonly inProgress = new Set<AbortController>();
  private measuring: AbortController | undefined;
  /** What was read of the live run so far: each question reads on. */
  private live: GrowingRun | undefined;
  private forgetting: NodeJS.Timeout | undefined;

  /**
   * @param livePath run file of the run in progress or just ended
   * @param tell how far a question is; its task is the request's name
   */
  constructor(
    private readonly livePath: () => string | undefined,
    private readonly tell: (progress: Progress) => void = () => {},
  ) {}

  cacheLab(params: Params<'cacheLab'>): Promise<Results['cacheLab']> {
    return this.answer('cacheLab', async (pace) => cacheTable(cacheQuestion(await this.open(params), params), pace));
  }

  expertsMap(params: Params<'expertsMap'>): Promise<Results['expertsMap']> {
    return this.answer('expertsMap', async (pace) => expertsMap(expertsQuestion(await this.open(params)), pace));
  }

  expertLife(params: Params<'expertLife'>): Promise<Results['expertLife']> {
    const { layer, expert } = params;
    return this.answer('expertLife', async (pace) =>
      expertLife(expertsQuestion(await this.open(params)), layer, expert, pace),
    );
  }

  placementLab(params: Params<'placementLab'>): Promise<Results['placementLab']> {
    return this.answer('placementLab', async (pace) => placementLab(await this.open(params), params, pace));
  }

  placementExport(params: Params<'placementExport'>): Promise<Results['placementExport']> {
    return this.answer('placementExport', async () => placementExport(await this.open(params), params));
  }

  /** @param steps what the lab runs on: its own rank, on the CPU that a run would use */
  gatingLab(model: OpenModel, params: Params<'gatingLab'>, steps: Steps): Promise<Results['gatingLab']> {
    return this.measure('gatingLab', steps, (measured) => gatingLab(model, params, measured));
  }

  /** @param steps as for gatingLab */
  precisionLab(
    model: OpenModel,
    params: Params<'precisionLab'>,
    steps: Steps & Pick<PrecisionSteps, 'packsDir'>,
  ): Promise<Results['precisionLab']> {
    return this.measure('precisionLab', steps, (measured) => precisionLab(model, params, measured));
  }

  /** A run needs the processor: what is being timed ends, questions go on. */
  stopMeasuring(): void {
    this.measuring?.abort();
  }

  /** Labs in progress are refused, all of them. */
  cancel(): Results['cancelLab'] {
    const cancelled = this.inProgress.size;
    for (const controller of this.inProgress) controller.abort();
    return { cancelled };
  }

  /** Work that has the processor to itself: told of at every pause, where it also ends when it is cancelled. */
  private measure<S extends Steps, T>(task: Method, steps: S, work: (steps: S) => Promise<T>): Promise<T> {
    return this.answer(task, (pace, controller) => {
      this.measuring = controller;
      return work({
        ...steps,
        async pause(fraction: number, text: string) {
          await steps.pause(fraction, text);
          await pace.rest();
          pace.check();
        },
      });
    });
  }

  private open({ source }: { readonly source: LabSource }): Promise<LabMaterial> {
    const file = source.kind === 'live' ? this.livePath() : undefined;
    if (file !== undefined && this.live?.file !== file) this.live = new GrowingRun(file);
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => {
      this.live = undefined;
    }, KEEP_MS).unref();
    return openLabSource(source, file === undefined ? undefined : this.live);
  }

  /** Work that shares the thread, and ends early where it is cancelled. */
  private async answer<T>(task: Method, work: (pace: Pace, controller: AbortController) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.inProgress.add(controller);
    const tell = (fraction: number, text: string) => this.tell({ task, fraction, text });
    try {
      return await work(new Pace(controller.signal, tell), controller);
    } finally {
      this.inProgress.delete(controller);
    }
  }
}
