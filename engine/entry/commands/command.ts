import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { z } from 'zod';

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  /** What it takes. Every value is checked before any file is opened. */
  readonly options: Options;
  run(args: readonly string[]): Promise<void>;
}

/** Exit code 2. */
export class BadArguments extends Error {
  override readonly name = 'BadArguments';
}

export type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = Record<string, string | boolean | undefined>;

/** Flags of a command; anything unknown is refused. */
export function parseFlags(args: readonly string[], options: Options): Values {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values as Values;
  } catch (error) {
    // Behind its first sentence Node tells how to pass such a word on: no command takes any.
    const [what] = (error as Error).message.split(/\. |\n/);
    throw new BadArguments(`${what}; --help tells the options there are`);
  }
}

export function textFlag(values: Values, name: string, fallback?: string): string {
  const value = values[name] ?? fallback;
  if (typeof value === 'string' && value !== '') return value;
  throw new BadArguments(`--${name} is needed; name it, or see --help`);
}

/** A whole number within bounds. */
export function countFlag<T extends number | undefined>(
  values: Values,
  name: string,
  min: number,
  max: number,
  fallback: T,
): number | T {
  const text = values[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (typeof text === 'string' && text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max)
    return value;
  throw new BadArguments(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
}

/** A number that `schema` takes. @param range in words, for the refusal */
export function numberFlag<T extends number | undefined>(
  values: Values,
  name: string,
  schema: z.ZodType<number>,
  range: string,
  fallback: T,
): number | T {
  const text = values[name];
  if (text === undefined) return fallback;
  const parsed = schema.safeParse(typeof text === 'string' && text.trim() !== '' ? Number(text) : undefined);
  if (parsed.success) return parsed.data;
  throw new BadArguments(`--${name} takes ${range}, not "${text}"`);
}

export function choiceFlag<T extends string, F extends T | undefined>(
  values: Values,
  name: string,
  choices: readonly T[],
  fallback: F,
): T | F {
  const value = values[name];
  if (value === undefined) return fallback;
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new BadArguments(`--${name} takes ${choices.join(', ')}, not "${String(value)}"`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
