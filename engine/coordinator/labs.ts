import { EngineRefusal } from '../api.ts';
import type { Params, Results } from '../protocol/messages.ts';
import { openLabSource } from './lab_source.ts';
import { placementExport, placementLab } from './placement_lab.ts';

/** Questions about a routing trace. They run beside the requests of a run and can be cancelled. */
export class Labs {
  private readonly inProgress = new Set<AbortController>();

  /** @param livePath run file of the run in progress or just ended */
  constructor(private readonly livePath: () => string | undefined) {}

  async cacheLab(_: Params<'cacheLab'>): Promise<Results['cacheLab']> {
    throw new EngineRefusal('cacheLab: this engine does not answer it yet.');
  }

  async expertsMap(_: Params<'expertsMap'>): Promise<Results['expertsMap']> {
    throw new EngineRefusal('expertsMap: this engine does not answer it yet.');
  }

  async expertLife(_: Params<'expertLife'>): Promise<Results['expertLife']> {
    throw new EngineRefusal('expertLife: this engine does not answer it yet.');
  }

  async placementLab(params: Params<'placementLab'>): Promise<Results['placementLab']> {
    return placementLab(await openLabSource(params.source, this.livePath()), params);
  }

  async placementExport(params: Params<'placementExport'>): Promise<Results['placementExport']> {
    return placementExport(await openLabSource(params.source, this.livePath()), params);
  }

  async gatingLab(_: Params<'gatingLab'>): Promise<Results['gatingLab']> {
    throw new EngineRefusal('gatingLab: this engine does not answer it yet.');
  }

  /** Labs in progress are refused, all of them. */
  cancel(): Results['cancelLab'] {
    const cancelled = this.inProgress.size;
    for (const controller of this.inProgress) controller.abort();
    return { cancelled };
  }
}
