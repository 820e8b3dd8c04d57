import { parentPort, workerData } from 'node:worker_threads';
import { measureHostRow } from './host_probe.ts';
import { type LinkMeasure, measureLink } from './link_probe.ts';

/** What the thread is asked for, and what it answers: a device's link, or what the host computes itself. */
export type LinkQuestion = { readonly device: string } | { readonly hostRow: true };
export type LinkAnswer = LinkMeasure | { readonly failed: string };

/** Measures in a thread of its own, since loads and runs block theirs, and ends. */
const question = workerData as LinkQuestion;
const answer = (message: LinkAnswer) => parentPort?.postMessage(message);
const measuring =
  'device' in question ? measureLink(question.device) : measureHostRow().then((bytesPerSecond) => ({ bytesPerSecond }));
measuring.then(answer, (error: Error) => answer({ failed: error.message }));
