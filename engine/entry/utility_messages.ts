/** What the desktop's main process tells the engine process, over the channel that Electron gives a utility process. */
export type ToUtility =
  /** Offer the engine on the two ports that come along: [control, frames]. */
  | { readonly type: 'connect' }
  /** Finish the step, close the run file, free everything, exit. */
  | { readonly type: 'close' };
