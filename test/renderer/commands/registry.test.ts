import { expect, it } from 'vitest';
import { type Command, CommandRegistry } from '../../../src-renderer/commands/registry.ts';

const command = (id: string, rest: Partial<Command> = {}): Command => ({
  id,
  title: id,
  group: 'Run',
  run: () => {},
  ...rest,
});

it('refuses two commands of one name', () => {
  const registry = new CommandRegistry(() => {});
  registry.register([command('a')]);
  expect(() => registry.register([command('a')])).toThrow('a');
});

it('runs only what can run now, and hands failures to one place', async () => {
  const failures: string[] = [];
  const registry = new CommandRegistry(({ id }, error) => failures.push(`${id}: ${(error as Error).message}`));
  const ran: string[] = [];
  registry.register([
    command('off', { when: () => false, run: () => ran.push('off') }),
    command('on', { run: () => ran.push('on') }),
    command('throws', {
      run: () => {
        throw new Error('now');
      },
    }),
    command('rejects', { run: () => Promise.reject(new Error('later')) }),
  ]);
  for (const id of ['off', 'on', 'throws', 'rejects', 'unknown']) registry.execute(id);
  await new Promise((resolve) => setTimeout(resolve));
  expect(ran).toEqual(['on']);
  expect(failures).toEqual(['throws: now', 'rejects: later']);
  expect(registry.available().map(({ id }) => id)).toEqual(['on', 'throws', 'rejects']);
});
