import { describe, expect, it } from 'vitest';
import { BadArguments } from '../../engine/entry/commands/command.ts';
import { COMMANDS } from '../../engine/entry/commands/commands.ts';

/** Options that name a file, a folder or a language: any text will do until it is looked up. */
const NAMES = ['model', 'run', 'trace', 'text', 'prompt-file', 'input', 'out', 'report', 'target'];

const checked = COMMANDS.flatMap((command) =>
  Object.entries(command.options)
    .filter(([option, { type }]) => type === 'string' && !NAMES.includes(option))
    .map(([option]) => ({ command, option })),
);

describe('moe COMMAND', () => {
  it.each(checked)('$command.name checks --$option before it opens a file', async ({ command, option }) => {
    // None of the files is there: one that was opened first would be refused in place of the value.
    const files = NAMES.filter((name) => name in command.options && name !== 'run');
    const args = [...files.flatMap((name) => [`--${name}`, `/nowhere/${name}`]), `--${option}`, '?'];
    const refusal = await command.run(args).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(BadArguments);
    expect((refusal as Error).message).toContain(`--${option}`);
  });

  it.each(COMMANDS)('$name says what to do about an option that it does not have', async (command) => {
    await expect(command.run(['--what'])).rejects.toThrow(
      "Unknown option '--what'; --help tells the options there are",
    );
  });
});
