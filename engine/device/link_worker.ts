import { parentPort, workerData } from 'node:worker_threads';
import { measureLink } from './link_probe.ts';

/** What the thread is asked for, and what it answers. */
export interface LinkQuestion {
  readonly device: string;
}
export type LinkAnswer = { readonly bytesPerSecond: number } | { readonly failed: string };

/** Measures one device's link in a thread of its own, since loads block theirs, and ends. */
const { device } = workerData as LinkQuestion;
const answer = (message: LinkAnswer) => parentPort?.postMessage(message);
measureLink(device).then(
  (bytesPerSecond) => answer({ bytesPerSecond }),
  (error: Error) => answer({ failed: error.message }),
);
