import { EngineRefusal } from '../api.ts';
import { readJsonObject } from './json_file.ts';

const MOST_CONFIG_BYTES = 4 << 20;
/** No released model comes near any of this; a larger number is damage or an attack, and would be allocated for. */
const MOST_INT = 1 << 28;
/** How the number of experts is spelt. */
const EXPERT_COUNTS = ['num_experts', 'num_local_experts', 'n_routed_experts'] as const;
const MOST_EXPERTS = 65_535;

interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly default?: number;
}

/** config.json, read key by key: a `null` counts as absent, every number has bounds, and a refusal names the key. */
export class ConfigReader {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly where = 'config.json',
  ) {}

  int(key: string, { min = 0, max = MOST_INT, default: fallback }: Bounds = {}): number {
    const value = this.optional(key) ?? fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw this.refuse(key, value, `a whole number from ${min} to ${max}`);
  }

  number(key: string, { min = 0, max = Number.MAX_VALUE, default: fallback }: Bounds = {}): number {
    const value = this.optional(key) ?? fallback;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw this.refuse(key, value, 'a number');
  }

  optionalNumber(key: string): number | undefined {
    return this.optional(key) === undefined ? undefined : this.number(key);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.optional(key) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.refuse(key, value, 'true or false');
  }

  string(key: string): string {
    const value = this.optionalString(key);
    if (value !== undefined) return value;
    throw this.refuse(key, undefined, 'a text');
  }

  optionalString(key: string): string | undefined {
    const value = this.optional(key);
    if (value === undefined || typeof value === 'string') return value;
    throw this.refuse(key, value, 'a text');
  }

  /** Token ids: one number or a list of them. */
  ids(key: string): number[] {
    const value = this.optional(key);
    const list = value === undefined ? [] : Array.isArray(value) ? value : [value];
    if (list.every((id) => Number.isSafeInteger(id) && id >= 0)) return list as number[];
    throw this.refuse(key, value, 'a token id or a list of them');
  }

  /** An object inside this one. */
  section(key: string): ConfigReader | undefined {
    const value = this.optional(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) throw this.refuse(key, value, 'an object');
    return new ConfigReader(value as Record<string, unknown>, `${this.where}: ${key}`);
  }

  expertCount(): number {
    const key = EXPERT_COUNTS.find((name) => this.optional(name) !== undefined) ?? EXPERT_COUNTS[0];
    return this.int(key, { min: 1, max: MOST_EXPERTS });
  }

  /** Refuses any other value than those that the architecture is implemented for. */
  only(key: string, allowed: readonly string[], fallback: string): void {
    const value = this.optionalString(key) ?? fallback;
    if (!allowed.includes(value)) throw this.refuse(key, value, allowed.join(' or '));
  }

  multipleOf(key: string, value: number, divisor: number): void {
    if (value % divisor !== 0) throw this.refuse(key, value, `a multiple of ${divisor}`);
  }

  private optional(key: string): unknown {
    return Object.hasOwn(this.values, key) ? (this.values[key] ?? undefined) : undefined;
  }

  private refuse(key: string, value: unknown, wanted: string): EngineRefusal {
    const given = value === undefined ? 'is missing' : `is ${JSON.stringify(value)?.slice(0, 80)}`;
    return new EngineRefusal(`${this.where}: "${key}" ${given} where ${wanted} is needed; fetch the file again.`);
  }
}

export function readConfig(folder: string): ConfigReader {
  return new ConfigReader(readJsonObject(folder, 'config.json', MOST_CONFIG_BYTES));
}
