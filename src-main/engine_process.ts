import path from 'node:path';
import { app, type MessagePortMain, utilityProcess } from 'electron';
import { engineEnvironment } from './engine_environment.ts';
import type { EngineChild, ProcessEnd } from './engine_host.ts';

const SERVICE_NAME = 'moe-engine';
/** The pipe and Chromium's report of the reason come shortly before or after the exit itself. */
const LAST_WORDS_MS = 300;

/** Forks the engine as an Electron utility process. Only after the app is ready. */
export function forkEngine(folders: { dataDir: string; modelsDir: string }): EngineChild<MessagePortMain[]> {
  const args = [`--data-dir=${folders.dataDir}`, `--models-dir=${folders.modelsDir}`];
  const child = utilityProcess.fork(path.join(__dirname, 'utility.cjs'), args, {
    serviceName: SERVICE_NAME,
    stdio: 'pipe',
    env: engineEnvironment(process.env),
  });
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.setEncoding('utf8');

  let reported: ProcessEnd | undefined;
  const onGone = (_event: unknown, { name, serviceName, reason, exitCode }: Electron.Details) => {
    if (serviceName === SERVICE_NAME || name === SERVICE_NAME) reported = { reason, exitCode };
  };
  app.on('child-process-gone', onGone);

  return {
    send: (message, ports) => child.postMessage(message, ports),
    kill: () => child.kill(),
    onSpawn: (listener) => child.once('spawn', listener),
    onStderr: (listener) => child.stderr?.on('data', listener),
    onEnd: (listener) =>
      child.once('exit', (exitCode) => {
        setTimeout(() => {
          app.off('child-process-gone', onGone);
          listener(reported ?? { reason: 'exited', exitCode });
        }, LAST_WORDS_MS);
      }),
  };
}
