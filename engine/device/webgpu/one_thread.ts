import { getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads';
import { EngineRefusal } from '../../api.ts';

/**
 * Sessions on the card, in one thread at a time: two threads that have some end the whole process (onnxruntime-node 1.30, measured; one
 * after the other is fine). The lock is one word that all threads of the process share: 0, or the number of the thread that has the
 * card, plus 1. It lives in the environment data that Node hands to every new thread, so it outlasts runs and engines. Rejected: a
 * module's variable, of which each thread has its own, and a file, which a process that was killed leaves behind.
 */
const KEY = 'moe-studio: the thread that has the WebGPU card';

/** Sessions of this thread. */
let sessions = 0;

/** To be called before a thread is started that may open a card. */
export function shareCard(): void {
  word();
}

/** Before a session is made on the card. @throws EngineRefusal where another thread of this process has the card */
export function takeCard(): void {
  if (sessions === 0) {
    const other = Atomics.compareExchange(word(), 0, 0, threadId + 1);
    if (other !== 0) {
      throw new EngineRefusal(
        'webgpu:0: another thread of this program has the card, and two at once would end it; stop the run or measurement that uses it, then try again.',
      );
    }
    process.on('exit', leave);
  }
  sessions++;
}

/** After a session was released, or could not be made. */
export function giveCard(): void {
  sessions--;
  if (sessions === 0) leave();
}

/** A thread that fails leaves sessions behind; they end with it. */
function leave(): void {
  sessions = 0;
  process.off('exit', leave);
  Atomics.compareExchange(word(), 0, threadId + 1, 0);
}

function word(): Int32Array {
  let memory = getEnvironmentData(KEY) as unknown;
  if (!(memory instanceof SharedArrayBuffer)) {
    memory = new SharedArrayBuffer(4);
    setEnvironmentData(KEY, memory as never);
  }
  return new Int32Array(memory as SharedArrayBuffer);
}
