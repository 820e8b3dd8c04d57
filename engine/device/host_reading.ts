import { cpus, freemem, totalmem } from 'node:os';
import type { DeviceReading, Told } from '../protocol/model.ts';
import { notTold } from './cards/card.ts';

/** Two looks must be so far apart to say how busy the time between was. */
const LEAST_MS = 200;

let before: { readonly atMs: number; readonly busy: number; readonly all: number } | undefined;
let utilisation: Told<number> = notTold('the first look only begins to count');

/** The processor and its memory now, all cores and all programs together: a CPU device is a thread that may run on any of them. */
export function readHost(): DeviceReading {
  const now = { atMs: performance.now(), ...coreTimes() };
  if (before !== undefined && now.atMs - before.atMs >= LEAST_MS && now.all > before.all) {
    utilisation = (now.busy - before.busy) / (now.all - before.all);
  }
  if (before === undefined || now.atMs - before.atMs >= LEAST_MS) before = now;
  return {
    usedBytes: totalmem() - freemem(),
    utilisation,
    celsius: notTold('sensors of the processor are not read'),
    watts: notTold('sensors of the processor are not read'),
  };
}

/** Since the machine began, ms of all cores. */
function coreTimes(): { busy: number; all: number } {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const { user, nice, sys, idle, irq } = times;
    busy += user + nice + sys + irq;
    all += user + nice + sys + irq + idle;
  }
  return { busy, all };
}
