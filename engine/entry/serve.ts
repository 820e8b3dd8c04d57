import path from 'node:path';
import { parseArgs } from 'node:util';
import { createEngine } from '../coordinator/engine.ts';
import { bundledModelsDir, defaultDataDir } from './folders.ts';
import { startServer } from './http_server.ts';

const HELP = `Serves the studio to a browser on this machine.

Usage: npm run serve [-- --port N]

  --port N   TCP port on 127.0.0.1 (default: any free one)
  --help     this text

The printed address carries a token: whoever has it may use the engine. The first page that connects is in control, others watch.
Run files are kept in ${defaultDataDir()} (MOE_STUDIO_DATA names another folder).
From another machine: ssh -L PORT:127.0.0.1:PORT this-machine
`;

const EXIT_FAILED = 1;
const EXIT_BAD_ARGUMENTS = 2;

async function main(): Promise<void> {
  const options = readArguments(process.argv.slice(2));
  if (options === undefined) return;

  const engine = createEngine({
    dataDir: defaultDataDir(),
    modelsDir: bundledModelsDir(__dirname),
    rankEntry: path.join(__dirname, 'rank.cjs'),
    linkEntry: path.join(__dirname, 'link.cjs'),
  });
  const webRoot = path.join(__dirname, '../renderer');
  const server = await startServer({ engine, webRoot, port: options.port }).catch(
    async (error: NodeJS.ErrnoException) => {
      await engine.close();
      throw error.code === 'EADDRINUSE'
        ? new Error(`Port ${options.port} is in use: choose another with --port.`)
        : error;
    },
  );
  process.stdout.write(`${server.url}\n`);
  process.stderr.write('Open this address in a browser. Ctrl+C stops the engine.\n');

  let stopping = false;
  const stop = async () => {
    // A second Ctrl+C while ranks finish their step.
    if (stopping) process.exit(EXIT_FAILED);
    stopping = true;
    await server.close();
    // Ranks end by message, after the step that they are in: killing a thread inside ONNX Runtime aborts the process.
    await engine.close();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

/** Undefined where there is nothing to do any more: the exit code has been set. */
function readArguments(args: string[]): { port: number } | undefined {
  try {
    const { values } = parseArgs({ args, options: { port: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) {
      process.stdout.write(HELP);
      return undefined;
    }
    const port = values.port ?? '0';
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Error(`--port: "${port}" is not a port number.`);
    return { port: Number(port) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nSee: npm run serve -- --help\n`);
    process.exitCode = EXIT_BAD_ARGUMENTS;
    return undefined;
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_FAILED;
});
