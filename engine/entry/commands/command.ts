import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { z } from 'zod';

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  run(args: readonly string[]): Promise<void>;
}

/** Exit code 2. */
export class BadArguments extends Error {
  override readonly name = 'BadArguments';
}

type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = Record<string, string | boolean | undefined>;

/** Flags of a command; anything unknown is refused. */
export function parseFlags(args: readonly string[], options: Options): Values {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values as Values;
  } catch (error) {
    throw new BadArguments((error as Error).message);
  }
}

export function textFlag(values: Values, name: string, fallback?: string): string {
  const value = values[name] ?? fallback;
  if (typeof value === 'string' && value !== '') return value;
  throw new BadArguments(`--${name} is needed; name it, or see --help`);
}

/** A whole number within bounds. */
export function countFlag(values: Values, name: string, min: number, max: number, fallback: number): number {
  const text = values[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (typeof text === 'string' && text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max)
    return value;
  throw new BadArguments(`--${name} takes a whole number from ${min} to ${max}, not "${text}"`);
}

/** A number that `schema` takes. @param range in words, for the refusal */
export function numberFlag(values: Values, name: string, schema: z.ZodType<number>, range: string, fallback: number) {
  const text = values[name];
  if (text === undefined) return fallback;
  const parsed = schema.safeParse(typeof text === 'string' && text.trim() !== '' ? Number(text) : undefined);
  if (parsed.success) return parsed.data;
  throw new BadArguments(`--${name} takes ${range}, not "${text}"`);
}

export function choiceFlag<T extends string>(values: Values, name: string, choices: readonly T[], fallback: T): T {
  const value = values[name] ?? fallback;
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new BadArguments(`--${name} takes ${choices.join(', ')}, not "${String(value)}"`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
