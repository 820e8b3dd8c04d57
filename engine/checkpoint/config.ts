import path from 'node:path';
import { EngineRefusal } from '../api.ts';
import { readJsonObject } from './files.ts';

export const CONFIG_NAME = 'config.json';
/** Real ones are a few KiB. */
export const MOST_CONFIG_BYTES = 2 ** 20;
/** Sizes and counts of released models stay far below; what follows from a larger one would be allocated for. */
const MOST_INT = 2 ** 28;

/** @throws EngineRefusal where the folder has no config.json, or it is not a JSON object */
export function readConfig(folder: string): ConfigReader {
  return new ConfigReader(CONFIG_NAME, readJsonObject(path.join(folder, CONFIG_NAME), MOST_CONFIG_BYTES));
}

interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Taken when the key is absent; a key without one must be there. */
  readonly default?: number;
}

/**
 * A config's values by key, each checked when it is asked for: what nobody asks for may be anything. A key that holds `null`
 * counts as absent. Every getter throws an EngineRefusal that names the file and the key.
 */
export class ConfigReader {
  constructor(
    /** `config.json`, or `config.json: rope_scaling` for a section of it. */
    readonly name: string,
    private readonly values: Readonly<Record<string, unknown>>,
  ) {}

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** Whether the key is there and holds `null`, for the few keys where that is not the same as absent. */
  holdsNull(key: string): boolean {
    return Object.hasOwn(this.values, key) && this.values[key] === null;
  }

  string(key: string, fallback?: string): string {
    return this.optionalString(key) ?? fallback ?? this.refuseMissing(key);
  }

  optionalString(key: string): string | undefined {
    const value = this.get(key);
    return value === undefined || typeof value === 'string' ? value : this.refuse(key, 'must be a string');
  }

  boolean(key: string, fallback?: boolean): boolean {
    const value = this.get(key) ?? fallback ?? this.refuseMissing(key);
    return typeof value === 'boolean' ? value : this.refuse(key, 'must be true or false');
  }

  number(key: string, range: Range = {}): number {
    return this.optionalNumber(key, range) ?? range.default ?? this.refuseMissing(key);
  }

  optionalNumber(key: string, { min, max }: Omit<Range, 'default'> = {}): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isFinite(value)) return this.refuse(key, 'must be a number');
    if (min !== undefined && value < min) return this.refuse(key, `must be at least ${min}`);
    if (max !== undefined && value > max) return this.refuse(key, `must be at most ${max}`);
    return value;
  }

  int(key: string, range: Range = {}): number {
    return this.optionalInt(key, range) ?? range.default ?? this.refuseMissing(key);
  }

  optionalInt(key: string, { min = 0, max = MOST_INT }: Omit<Range, 'default'> = {}): number | undefined {
    const value = this.optionalNumber(key, { min, max });
    return value === undefined || Number.isSafeInteger(value) ? value : this.refuse(key, 'must be a whole number');
  }

  /** A list of numbers, or undefined where it is absent. */
  optionalNumbers(key: string): readonly number[] | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'number' && Number.isFinite(item))) {
      return this.refuse(key, 'must be a list of numbers');
    }
    return value;
  }

  /** A list of strings, or undefined where it is absent. */
  optionalStrings(key: string): readonly string[] | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
      return this.refuse(key, 'must be a list of strings');
    }
    return value;
  }

  /** An object inside this one. */
  section(key: string): ConfigReader | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) return this.refuse(key, 'must be an object');
    return new ConfigReader(`${this.name}: ${key}`, value as Record<string, unknown>);
  }

  /**
   * Experts per layer, under the names that library versions and families give it.
   * @param fallback what the architecture's class takes where none is there
   */
  expertCount(fallback?: number): number {
    const names = ['num_experts', 'num_local_experts', 'n_routed_experts'];
    const counts = names.flatMap((name) => this.optionalInt(name, { min: 1, max: 65_535 }) ?? []);
    const [first = fallback] = counts;
    if (first === undefined) {
      throw new EngineRefusal(`${this.name}: none of ${names.join(', ')} is there; choose a mixture-of-experts model.`);
    }
    if (counts.some((count) => count !== first)) {
      throw new EngineRefusal(`${this.name}: ${names.join(', ')} disagree (${counts.join(', ')}); correct the file.`);
    }
    return first;
  }

  /** Token ids under a key that holds one or a list of them. */
  tokenIds(key: string): readonly number[] | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    if (!ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0)) {
      return this.refuse(key, 'must be a token id or a list of them');
    }
    return ids as number[];
  }

  /** Refuses a value that is not a multiple of another. */
  multipleOf(key: string, value: number, divisor: number): void {
    if (value % divisor !== 0) this.refuse(key, `must be a multiple of ${divisor}`, value);
  }

  /** Refuses a value other than those that the family's formulas are for. */
  only(key: string, allowed: readonly string[], fallback?: string): void {
    const value = this.string(key, fallback);
    if (!allowed.includes(value)) this.refuse(key, `is not supported here; supported is ${allowed.join(', ')}`);
  }

  private get(key: string): unknown {
    const value = Object.hasOwn(this.values, key) ? this.values[key] : undefined;
    return value === null ? undefined : value;
  }

  private refuse(key: string, what: string, value: unknown = this.values[key]): never {
    const shown = JSON.stringify(value).slice(0, 80);
    throw new EngineRefusal(`${this.name}: ${key} is ${shown} and ${what}; correct it or fetch the file again.`);
  }

  private refuseMissing(key: string): never {
    throw new EngineRefusal(`${this.name}: ${key} is missing; fetch the file again.`);
  }
}
