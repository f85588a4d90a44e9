import { TemplateError, UnsupportedError } from '../errors.js';
import { spendSteps } from './budget.js';
import { characterCount, characters } from './characters.js';

/**
 * A value of Python: `bigint` is an int, `number` a float, an array a list. Templates cannot change a list or dict that
 * they are given (transformers renders in an immutable sandbox), so values are shared.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly Value[]
  | Tuple
  | Dict
  | Undefined
  | Namespace
  | Stream
  | Range
  | View
  | SafeText
  | Callable
  | Loop;

export class Tuple {
  constructor(
    readonly items: readonly Value[],
    /** Names of the items, of a group of `groupby`. */
    readonly names: readonly string[] = [],
  ) {}
}

export class Dict {
  /** By `keyOf`, in the order of insertion. */
  readonly entries = new Map<string, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get(key: Value): Value | undefined {
    return this.entries.get(keyOf(key))?.[1];
  }

  set(key: Value, value: Value): void {
    const id = keyOf(key);
    this.entries.set(id, [this.entries.get(id)?.[0] ?? key, value]);
  }
}

/** What is missing. It prints as nothing and is false; using it in any other way fails with its reason. */
export class Undefined {
  constructor(readonly reason: string) {}
}

export class Namespace {
  readonly attributes = new Map<string, Value>();

  /** transformers refuses names that begin with an underscore. */
  set(name: string, value: Value): void {
    if (name.startsWith('_')) throw new TemplateError(`a namespace takes no attribute ${name}: it begins with _`);
    this.attributes.set(name, value);
  }
}

/** A Python generator: it is read once, has no length, and is true even where it yields nothing. */
export class Stream {
  constructor(readonly values: Iterator<Value>) {}
}

export class Range {
  constructor(
    readonly start: bigint,
    readonly stop: bigint,
    readonly step: bigint,
    readonly length: number,
  ) {}

  at(index: number): bigint {
    return this.start + BigInt(index) * this.step;
  }
}

/** `dict.keys()`, `.values()` or `.items()`: has a length but no index. */
export class View {
  constructor(
    readonly kind: 'keys' | 'values' | 'items',
    readonly dict: Dict,
  ) {}

  items(): Value[] {
    return [...this.dict.entries.values()].map(([key, value]) =>
      this.kind === 'keys' ? key : this.kind === 'values' ? value : new Tuple([key, value]),
    );
  }
}

/**
 * Text of the filters `safe` and `escape`. Text added to it is escaped for HTML, as Jinja does even where nothing else
 * is; other operations are refused.
 */
export class SafeText {
  constructor(readonly text: string) {}
}

/** Keyword arguments in the order of the call. */
export type Keywords = ReadonlyMap<string, Value>;

export class Callable {
  constructor(
    readonly name: string,
    readonly call: (positional: readonly Value[], keywords: Keywords) => Value,
    readonly isMacro = false,
  ) {}
}

/** The variable `loop`. Looking at the next item reads it from the iterable. */
export class Loop {
  index0 = -1;
  previous: Value | undefined;
  item: Value | undefined;
  private ahead: { readonly value: Value } | undefined;
  private total: number | undefined;
  changedTo: readonly Value[] | undefined;

  constructor(
    private readonly iterable: Value,
    private values: Iterator<Value>,
    readonly depth0: number,
    readonly recurse: ((items: Value, depth0: number) => string) | undefined,
  ) {}

  /** Moves to the next item. */
  advance(): { readonly value: Value } | undefined {
    const next = this.peek();
    this.ahead = undefined;
    if (!next) return undefined;
    this.index0++;
    this.previous = this.item;
    this.item = next.value;
    return next;
  }

  peek(): { readonly value: Value } | undefined {
    if (!this.ahead) {
      const next = this.values.next();
      if (!next.done) this.ahead = { value: next.value };
    }
    return this.ahead;
  }

  get length(): number {
    if (this.total === undefined) {
      this.total = lengthOf(this.iterable);
      if (this.total === undefined) {
        const rest = [...drain(this.values)];
        this.values = rest.values();
        this.total = rest.length + this.index0 + 1 + (this.ahead ? 1 : 0);
      }
    }
    return this.total;
  }
}

function* drain(values: Iterator<Value>): Generator<Value> {
  for (let next = values.next(); !next.done; next = values.next()) yield next.value;
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** `undefined` for what has no length in Python. */
export function lengthOf(value: Value): number | undefined {
  if (typeof value === 'string') return characterCount(value);
  if (isList(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.entries.size;
  if (value instanceof View) return value.dict.entries.size;
  if (value instanceof Range || value instanceof Loop) return value.length;
  if (value instanceof Undefined) return 0;
  if (value instanceof SafeText) return characterCount(value.text);
  return undefined;
}

/** @throws {TemplateError} for what Python cannot iterate */
export function* iterate(value: Value): Generator<Value> {
  for (const item of iterable(value)) {
    spendSteps();
    yield item;
  }
}

export const isIterable = (value: Value): boolean =>
  typeof value === 'string' ||
  (typeof value === 'object' && value !== null && !(value instanceof Namespace) && !(value instanceof Callable));

function iterable(value: Value): Iterable<Value> {
  if (typeof value === 'string') return characters(value);
  if (isList(value)) return value;
  if (value instanceof Tuple) return value.items;
  if (value instanceof Dict) return [...value.entries.values()].map(([key]) => key);
  if (value instanceof View) return value.items();
  if (value instanceof Range) return rangeItems(value);
  if (value instanceof Stream) return drain(value.values);
  if (value instanceof Undefined) return [];
  if (value instanceof SafeText || value instanceof Loop) throw unsupported(value, 'iterating');
  throw new TemplateError(`${typeName(value)} cannot be iterated`);
}

function* rangeItems(range: Range): Generator<Value> {
  for (let i = 0; i < range.length; i++) yield range.at(i);
}

export const unsupported = (value: Value, what: string): UnsupportedError =>
  new UnsupportedError(`${what} ${typeName(value)} is not supported`);

/** The Python type, for messages. */
export function typeName(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return 'a bool';
  if (typeof value === 'bigint') return 'an int';
  if (typeof value === 'number') return 'a float';
  if (typeof value === 'string') return 'a str';
  if (isList(value)) return 'a list';
  if (value instanceof Tuple) return 'a tuple';
  if (value instanceof Dict) return 'a dict';
  if (value instanceof Undefined) return 'an undefined value';
  if (value instanceof Namespace) return 'a namespace';
  if (value instanceof Stream) return 'a generator';
  if (value instanceof Range) return 'a range';
  if (value instanceof View) return `dict.${value.kind}()`;
  if (value instanceof SafeText) return 'text of the filter safe or escape';
  return value instanceof Loop ? 'loop' : `the function ${value.name}`;
}

/** Uses of an undefined value fail with the reason that it is undefined. */
export function defined<T extends Value>(value: T): Exclude<T, Undefined> {
  if (value instanceof Undefined) throw new TemplateError(value.reason);
  return value as Exclude<T, Undefined>;
}

/** Python's truth. */
export function isTrue(value: Value): boolean {
  switch (typeof value) {
    case 'string':
      return value !== '';
    case 'boolean':
      return value;
    case 'bigint':
      return value !== 0n;
    case 'number':
      return value !== 0;
    default:
      return value !== null && lengthOf(value) !== 0;
  }
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

/** Equal for keys that Python holds equal, as 1, 1.0 and True. @throws {TemplateError} for a list or dict */
export function keyOf(key: Value): string {
  switch (typeof key) {
    case 'string':
      return `s${key}`;
    case 'boolean':
      return key ? 'n1' : 'n0';
    case 'bigint':
      return `n${key}`;
    case 'number':
      return Number.isInteger(key) ? `n${BigInt(key)}` : `n${key}`;
    default:
      return key === null ? 'none' : keyOfObject(key);
  }
}

function keyOfObject(key: Exclude<Value, null | boolean | bigint | number | string>): string {
  if (key instanceof Tuple) return `t${JSON.stringify(key.items.map(keyOf))}`;
  if (key instanceof Undefined) return 'undefined';
  if (key instanceof SafeText) return `s${key.text}`;
  if (isList(key) || key instanceof Dict || key instanceof View)
    throw new TemplateError(`${typeName(key)} cannot be the key of a dict`);
  const known = identities.get(key) ?? ++lastIdentity;
  identities.set(key, known);
  return `o${known}`;
}
