import { TemplateError, UnsupportedError } from '../errors.js';
import { builtin } from './calls.js';
import { characters } from './characters.js';
import { isEqual, isNumeric } from './compare.js';
import { stringMethod } from './string-methods.js';
import { textOf } from './text.js';
import {
  Callable,
  Dict,
  defined,
  isList,
  Loop,
  Namespace,
  Range,
  SafeText,
  Stream,
  Tuple,
  typeName,
  Undefined,
  unsupported,
  type Value,
  View,
} from './values.js';

/** Methods that change a value: the sandbox hides them. */
const mutators: Readonly<Record<'list' | 'dict', ReadonlySet<string>>> = {
  list: new Set(['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove']),
  dict: new Set(['clear', 'pop', 'popitem', 'setdefault', 'update']),
};

/** Public attributes of Python's types that have no counterpart here. */
const refused: readonly (readonly [(value: Value) => boolean, ReadonlySet<string>])[] = [
  [
    (value) => typeof value === 'bigint' || typeof value === 'boolean',
    new Set(
      (
        'as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag is_integer numerator real ' +
        'to_bytes'
      ).split(' '),
    ),
  ],
  [
    (value) => typeof value === 'number',
    new Set('as_integer_ratio conjugate fromhex hex imag is_integer real'.split(' ')),
  ],
  [(value) => value instanceof Dict, new Set(['fromkeys'])],
  [(value) => value instanceof Stream, new Set(['close', 'send', 'throw'])],
  [(value) => value instanceof View, new Set(['isdisjoint', 'mapping'])],
  [
    (value) => value instanceof Callable && value.isMacro,
    new Set(['arguments', 'caller', 'catch_kwargs', 'catch_varargs', 'explicit_caller']),
  ],
  [(value) => value instanceof Callable && value.name === 'dict', new Set(['fromkeys'])],
];

/** `object.name`: an attribute of the Python type before an entry of that name. */
export function attributeOf(object: Value, name: string): Value {
  const value = ownAttribute(object, name);
  if (value !== undefined) return value;
  defined(object);
  const entry = object instanceof Dict ? object.get(name) : undefined;
  return entry === undefined ? missing(object, name) : entry;
}

/** `object[key]`: an entry before an attribute of that name. */
export function itemOf(object: Value, key: Value): Value {
  defined(object);
  if (object instanceof SafeText) throw unsupported(object, 'indexing');
  const entry = entryOf(object, key);
  if (entry !== undefined) return entry;
  const attribute = typeof key === 'string' ? ownAttribute(object, key) : undefined;
  return attribute === undefined ? missing(object, key) : attribute;
}

function entryOf(object: Value, key: Value): Value | undefined {
  if (object instanceof Dict) return isKey(key) ? object.get(key) : undefined;
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined;
  const index = Number(key);
  if (object instanceof Range) {
    const from = index < 0 ? index + object.length : index;
    return from >= 0 && from < object.length ? object.at(from) : undefined;
  }
  return sequenceOf(object)?.at(index);
}

const isKey = (key: Value): boolean =>
  key instanceof Tuple ? key.items.every(isKey) : !(isList(key) || key instanceof Dict || key instanceof View);

function sequenceOf(value: Value): readonly Value[] | undefined {
  if (typeof value === 'string') return characters(value);
  if (isList(value)) return value;
  return value instanceof Tuple ? value.items : undefined;
}

function missing(object: Value, key: Value): Undefined {
  const what = typeof key === 'string' ? `attribute ${key}` : `element ${isNumeric(key) ? textOf(key) : 'of that key'}`;
  return new Undefined(`${typeName(object)} has no ${what}`);
}

/** What Python's `getattr` finds. Names with underscores are hidden by the sandbox. */
export function ownAttribute(object: Value, name: string): Value | undefined {
  if (/^__(class|doc|init|str|repr|eq|hash|new|dir|reduce|format|len|iter|getitem|contains)__$/.test(name))
    return new Undefined(`access to attribute ${name} is unsafe`);
  if (name.startsWith('_') && !(object instanceof Namespace)) return undefined;
  for (const [isOf, names] of refused)
    if (isOf(object) && names.has(name))
      throw new UnsupportedError(`the attribute ${name} of ${typeName(object)} is not supported`);
  if (typeof object === 'string') return stringMethod(object, name);
  if (object instanceof SafeText) throw unsupported(object, `the attribute ${name} of`);
  if (object instanceof Undefined) throw new TemplateError(object.reason);
  if (isList(object) || object instanceof Tuple) return sequenceMethod(object, name);
  if (object instanceof Dict) return dictMethod(object, name);
  if (object instanceof Namespace) return object.attributes.get(name);
  if (object instanceof Loop) return loopAttribute(object, name);
  if (object instanceof Range) return rangeAttribute(object, name);
  return object instanceof Callable && object.isMacro && name === 'name' ? object.name : undefined;
}

function sequenceMethod(value: readonly Value[] | Tuple, name: string): Value | undefined {
  const items = value instanceof Tuple ? value.items : value;
  if (value instanceof Tuple) {
    const named = value.names.indexOf(name);
    if (named >= 0) return items[named];
  } else if (mutators.list.has(name)) return new Undefined(`the sandbox does not allow ${name} on a list`);
  switch (name) {
    case 'count':
      return builtin('count', ['value'], (wanted) => BigInt(items.filter((item) => isEqual(item, wanted)).length));
    case 'index':
      return builtin('index', ['value', ['start', 0n], ['stop', null]], (wanted, start, stop) => {
        if (start !== 0n || stop !== null) throw new UnsupportedError('index with a start is not supported');
        const found = items.findIndex((item) => isEqual(item, wanted));
        if (found < 0) throw new TemplateError('index: the value is not in the list');
        return BigInt(found);
      });
    case 'copy':
      return isList(value) ? builtin('copy', [], () => [...items]) : undefined;
    default:
      return undefined;
  }
}

function dictMethod(dict: Dict, name: string): Value | undefined {
  if (mutators.dict.has(name)) return new Undefined(`the sandbox does not allow ${name} on a dict`);
  switch (name) {
    case 'get':
      return builtin(
        'get',
        ['key', ['default', null]],
        (key, fallback) => {
          const value = dict.get(key);
          return value === undefined ? fallback : value;
        },
        true,
      );
    case 'items':
    case 'keys':
    case 'values':
      return builtin(name, [], () => new View(name, dict));
    case 'copy':
      return builtin('copy', [], () => new Dict(dict.entries.values()));
    default:
      return undefined;
  }
}

function rangeAttribute(range: Range, name: string): Value | undefined {
  if (name === 'start' || name === 'stop' || name === 'step') return range[name];
  if (name === 'count' || name === 'index') throw unsupported(range, `the attribute ${name} of`);
  return undefined;
}

function loopAttribute(loop: Loop, name: string): Value | undefined {
  switch (name) {
    case 'index':
      return BigInt(loop.index0 + 1);
    case 'index0':
      return BigInt(loop.index0);
    case 'revindex':
      return BigInt(loop.length - loop.index0);
    case 'revindex0':
      return BigInt(loop.length - loop.index0 - 1);
    case 'first':
      return loop.index0 === 0;
    case 'last':
      return loop.peek() === undefined;
    case 'length':
      return BigInt(loop.length);
    case 'depth':
      return BigInt(loop.depth0 + 1);
    case 'depth0':
      return BigInt(loop.depth0);
    case 'previtem':
      return loop.index0 === 0 || loop.previous === undefined
        ? new Undefined('there is no previous item')
        : loop.previous;
    case 'nextitem': {
      const next = loop.peek();
      return next ? next.value : new Undefined('there is no next item');
    }
    case 'cycle':
      return new Callable('cycle', (values) => {
        const value = values[loop.index0 % values.length];
        if (value === undefined) throw new TemplateError('loop.cycle needs a value');
        return value;
      });
    case 'changed':
      return new Callable('changed', (values) => {
        const isSame = loop.changedTo !== undefined && isEqual(new Tuple(loop.changedTo), new Tuple(values));
        loop.changedTo = values;
        return !isSame;
      });
    default:
      return undefined;
  }
}

/** `object[start:stop:step]` of text, a list, a tuple or a range. @throws {TemplateError} */
export function sliceOf(object: Value, bounds: readonly (Value | undefined)[]): Value {
  defined(object);
  const [start, stop, step] = bounds.map((bound) => {
    if (bound === undefined || bound === null) return undefined;
    if (typeof bound !== 'bigint' && typeof bound !== 'boolean')
      throw new TemplateError(`a slice takes ints, found ${typeName(bound)}`);
    return Number(bound);
  });
  if (step === 0) throw new TemplateError('the step of a slice is 0');
  if (object instanceof Range || object instanceof SafeText) throw unsupported(object, 'slicing');
  const items = sequenceOf(object);
  if (!items) throw new TemplateError(`${typeName(object)} cannot be sliced`);
  const kept = sliced(items, start, stop, step ?? 1);
  if (typeof object === 'string') return kept.join('');
  return object instanceof Tuple ? new Tuple(kept) : kept;
}

function sliced(items: readonly Value[], start: number | undefined, stop: number | undefined, step: number): Value[] {
  const { length } = items;
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (bound: number): number => Math.min(Math.max(bound < 0 ? bound + length : bound, low), high);
  const from = start === undefined ? (step > 0 ? low : high) : clamp(start);
  const to = stop === undefined ? (step > 0 ? high : low) : clamp(stop);
  const kept: Value[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) {
    const item = items[i];
    if (item !== undefined) kept.push(item);
  }
  return kept;
}
