import path from 'node:path';
import { parseArgs } from 'node:util';
import { createEngine } from '../coordinator/engine.ts';
import { bindEngine } from './bind.ts';
import { joinPorts } from './message_ports.ts';
import type { ToUtility } from './utility_messages.ts';

/** The engine in the desktop app: a process of its own, so that running out of memory here is a state of the window, not its end. */

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { 'data-dir': { type: 'string' }, 'models-dir': { type: 'string' } },
});

const engine = createEngine({
  dataDir: String(values['data-dir']),
  modelsDir: String(values['models-dir']),
  rankEntry: path.join(__dirname, 'rank.cjs'),
  linkEntry: path.join(__dirname, 'link.cjs'),
});

// While the window still starts, this process has nothing to do: the bundled model is opened and the runtime's library loaded
// now, so that the first run finds both. Either failing is told when it is asked for again.
engine.request('openBundledModel', {}).catch(() => undefined);
import('onnxruntime-node').catch(() => undefined);

process.parentPort.on('message', ({ data, ports }) => {
  const message = data as ToUtility;
  switch (message.type) {
    case 'connect': {
      const [control, frames] = ports;
      if (control !== undefined && frames !== undefined) bindEngine(engine, joinPorts(control, frames));
      return;
    }
    case 'close':
      engine.close().then(() => process.exit(0));
      return;
  }
});
