import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

type Node = Parameters<Interpreter['evaluate']>[0];
type Value = ReturnType<Interpreter['evaluate']>;

/** Expressions evaluated and values looked into, for one rendering. Templates of released models take some thousands. */
const MOST_STEPS = 50_000;
/** Written by one rendering, everything that is put together on the way included: bounds its memory. */
const MOST_CHARACTERS = 2 ** 25;
/** A list longer than this has no place in a template. */
const MOST_RANGE = 10_000;
/** Filters and methods whose result may be as long as one operand times another. */
const MULTIPLYING = new Set(['replace', 'join', 'indent', 'tojson']);

/** A Jinja template of unknown origin. */
export class BoundedTemplate {
  private readonly program: ReturnType<typeof parse>;

  /** @throws Error in the parser's words */
  constructor(source: string) {
    this.program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  }

  /**
   * @param values what the template may read
   * @throws Error in the template's or the interpreter's words, and where it does more than a chat template has to
   */
  render(values: Readonly<Record<string, unknown>>): string {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...values })) environment.set(name, value);
    return String(new BoundedInterpreter(environment).run(this.program).value);
  }
}

/** What templates take for granted; `strftime_now` gives the day, so that a text may begin with it. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: boundedRange,
  raise_exception: (reason: unknown) => {
    throw new Error(String(reason));
  },
  strftime_now: (format: unknown) => dateText(String(format)),
};

function boundedRange(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MOST_RANGE)) throw new Error('it counts too far');
  return Array.from({ length }, (_, index) => from + index * step);
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ');

function dateText(format: string): string {
  const now = new Date();
  const month = MONTHS[now.getMonth()] ?? '';
  const pad = (value: number) => String(value).padStart(2, '0');
  const parts: Readonly<Record<string, string>> = {
    Y: String(now.getFullYear()),
    m: pad(now.getMonth() + 1),
    d: pad(now.getDate()),
    b: month.slice(0, 3),
    B: month,
    H: pad(now.getHours()),
    M: pad(now.getMinutes()),
    '%': '%',
  };
  return format.replace(/%([YmdbBHM%])/g, (_, letter: string) => parts[letter] ?? '');
}

/** A value in the place of the expression that it came from, so that it is not evaluated twice. */
interface Settled {
  readonly type: 'Settled';
  readonly value: Value;
}

/**
 * The library's interpreter, counting. Every value passes through `evaluate`, so what a rendering takes is bounded by the number of
 * calls and the length of what they return; results that could be long at once are foreseen before they are made.
 */
class BoundedInterpreter extends Interpreter {
  private steps = 0;
  private characters = 0;

  override evaluate(node: Node, environment: Environment): Value {
    this.count(1);
    const { type } = (node ?? {}) as { type?: string };
    if (type === 'Settled') return (node as unknown as Settled).value;
    const settled = type === 'FilterExpression' || type === 'CallExpression' ? this.foresee(node, environment) : node;
    const value = super.evaluate(settled, environment);
    if (typeof value.value === 'string') {
      // Reading a variable or a literal makes nothing new.
      if (type !== 'Identifier' && type !== 'StringLiteral') this.write(value.value.length);
    } else if (typeof value.value === 'object' && value.value !== null) this.lookInto(value);
    return value;
  }

  private count(steps: number): void {
    this.steps += steps;
    if (this.steps > MOST_STEPS) throw new Error('it goes on for too long');
  }

  private write(characters: number): void {
    this.characters += characters;
    if (this.characters > MOST_CHARACTERS) throw new Error('it writes too much');
  }

  /** Lists and objects count with everything in them, once for every place where it stands: that is how they are written out. */
  private lookInto(value: Value): void {
    this.count(1);
    const held: unknown = value.value;
    if (typeof held === 'string') this.write(held.length / 64);
    else if (held instanceof Map) for (const item of held.values()) this.lookInto(item as Value);
    else if (Array.isArray(held)) for (const item of held) this.lookInto(item as Value);
  }

  /** Evaluates the operands of what may multiply them, and refuses where the product is too long. */
  private foresee(node: Node, environment: Environment): Node {
    const settle = (part: unknown): Settled => ({ type: 'Settled', value: this.evaluate(part as Node, environment) });
    const settleAll = (args: readonly Record<string, unknown>[]) =>
      args.map((arg) => {
        if (arg.type === 'SpreadExpression' || arg.type === 'KeywordSpreadExpression') return arg;
        return arg.type === 'KeywordArgumentExpression' ? { ...arg, value: settle(arg.value) } : settle(arg);
      });
    const { type, operand, filter, callee, args } = node as unknown as Record<string, Record<string, unknown>>;
    if ((type as unknown) === 'FilterExpression') {
      const called = filter?.callee as Record<string, unknown> | undefined;
      const name = (called?.value ?? filter?.value) as string;
      if (!MULTIPLYING.has(name)) return node;
      const settled = settle(operand);
      const settledArgs = called === undefined ? [] : settleAll(filter?.args as Record<string, unknown>[]);
      this.checkProduct(settled, settledArgs);
      const withArgs = called === undefined ? filter : { ...filter, args: settledArgs };
      return { ...node, type: 'FilterExpression', operand: settled, filter: withArgs } as unknown as Node;
    }
    const property = (callee?.property as Record<string, unknown> | undefined)?.value as string;
    if (callee?.type !== 'MemberExpression' || !MULTIPLYING.has(property)) return node;
    const object = settle(callee.object);
    const settledArgs = settleAll(args as unknown as Record<string, unknown>[]);
    this.checkProduct(object, settledArgs);
    return { ...node, type: 'CallExpression', callee: { ...callee, object }, args: settledArgs } as unknown as Node;
  }

  private checkProduct(operand: Settled, args: readonly object[]): void {
    const factors = args.map((arg) => {
      if ('type' in arg && /Spread/.test(String(arg.type))) throw new Error('it spreads arguments over a filter');
      const { value } = arg as { value: Settled | Value };
      return size((value as Partial<Settled>).type === 'Settled' ? (value as Settled).value : (value as Value));
    });
    const product = size(operand.value) * Math.max(1, ...factors);
    if (!(this.characters + product <= MOST_CHARACTERS)) throw new Error('it writes too much');
  }
}

/** Characters at most that a value can come to, or a number's own size where it is a width. */
function size({ value }: Value): number {
  if (typeof value === 'string') return value.length;
  if (typeof value === 'number') return Math.abs(value);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + 8 + size(item as Value), 2);
  if (value instanceof Map) {
    let sum = 2;
    for (const [key, item] of value) sum += key.length + 8 + size(item as Value);
    return sum;
  }
  return 8;
}
