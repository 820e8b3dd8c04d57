import type { Method, Results } from '../../engine/protocol/messages.ts';
import { LabQuery } from './lab_query.ts';

/**
 * One query a method, as long as the window lives: a lab that was left and is opened again shows its last answer at once, and asks
 * again only where the question has changed or the run has gone on.
 */
export class KeptQueries {
  private readonly byMethod = new Map<Method, unknown>();

  of<M extends Method>(method: M): LabQuery<Results[M]> {
    let query = this.byMethod.get(method) as LabQuery<Results[M]> | undefined;
    if (query === undefined) {
      query = new LabQuery(() => performance.now());
      this.byMethod.set(method, query);
    }
    return query;
  }
}
