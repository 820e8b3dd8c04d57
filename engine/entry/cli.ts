import { EngineRefusal } from '../api.ts';
import { BadArguments } from './commands/command.ts';
import { COMMANDS } from './commands/commands.ts';

function help(): string {
  const lines = COMMANDS.map((command) => `  ${command.name.padEnd(10)} ${command.summary}`);
  return `moe COMMAND [options]\n\n${lines.join('\n')}\n\nmoe COMMAND --help tells a command's options.`;
}

/**
 * The headless engine: `npm run moe -- COMMAND`. Results go to stdout or the file asked for, progress and log lines to stderr.
 * Exit code 0, 1 where the command failed, 2 where its arguments are bad.
 */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(`${help()}\n`);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((entry) => entry.name === name);
  if (command === undefined) {
    process.stderr.write(`moe: there is no command "${name}"\n\n${help()}\n`);
    return 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(`moe ${command.name} [options]\n${command.summary}\n\n${command.help}\n`);
    return 0;
  }
  try {
    await command.run(rest);
    return 0;
  } catch (error) {
    if (error instanceof BadArguments) {
      process.stderr.write(`moe ${command.name}: ${error.message}\n`);
      return 2;
    }
    const known = error instanceof EngineRefusal;
    process.stderr.write(
      `moe ${command.name}: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 1;
  }
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
