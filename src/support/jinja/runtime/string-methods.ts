import { TemplateError, UnsupportedError } from '../errors.js';
import { SPACE } from '../parse/lexer.js';
import { spendCharacters } from './budget.js';
import { builtin, type Parameter } from './calls.js';
import { characterCount, characters } from './characters.js';
import { formatBraces } from './format.js';
import { capitalize, pad, replace, split, splitLines, splitRight, strip, title } from './strings.js';
import { Callable, isTrue, iterate, Tuple, typeName, type Value } from './values.js';

interface Method {
  readonly parameters: readonly Parameter[];
  readonly positionalOnly: boolean;
  readonly run: (text: string, ...values: Value[]) => Value;
}

const method = (run: Method['run'], ...parameters: Parameter[]): Method => ({ parameters, positionalOnly: true, run });

/** Methods of Python's `str` that are refused by name. */
const refused = new Set([
  'encode',
  'expandtabs',
  'format_map',
  'isidentifier',
  'isprintable',
  'istitle',
  'maketrans',
  'swapcase',
  'translate',
]);

const digits = /^\p{Nd}+$/u;
const numeric = /[\p{N}\u3400-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/u;
const spaces = new RegExp(`^${SPACE}+$`);

const methods: Readonly<Record<string, Method>> = {
  upper: method((text) => text.toUpperCase()),
  lower: method((text) => text.toLowerCase()),
  casefold: method((text) => {
    if (/[^\0-\x7f]/.test(text)) throw new UnsupportedError('casefold beyond ASCII is not supported');
    return text.toLowerCase();
  }),
  capitalize: method(capitalize),
  title: method(title),
  strip: method((text, set) => strip(text, textOrNone('strip', set), 'both'), ['chars', null]),
  lstrip: method((text, set) => strip(text, textOrNone('lstrip', set), 'left'), ['chars', null]),
  rstrip: method((text, set) => strip(text, textOrNone('rstrip', set), 'right'), ['chars', null]),
  split: {
    parameters: [
      ['sep', null],
      ['maxsplit', -1n],
    ],
    positionalOnly: false,
    run: (text, separator, limit) => split(text, textOrNone('split', separator), integer('split', limit)),
  },
  rsplit: {
    parameters: [
      ['sep', null],
      ['maxsplit', -1n],
    ],
    positionalOnly: false,
    run: (text, separator, limit) => splitRight(text, textOrNone('rsplit', separator), integer('rsplit', limit)),
  },
  splitlines: {
    parameters: [['keepends', false]],
    positionalOnly: false,
    run: (text, keepEnds) => splitLines(text, isTrue(keepEnds ?? false)),
  },
  partition: method(
    (text, separator) =>
      partition(text, one('partition', separator), text.indexOf(one('partition', separator)), 'right'),
    'sep',
  ),
  rpartition: method(
    (text, separator) =>
      partition(text, one('rpartition', separator), text.lastIndexOf(one('rpartition', separator)), 'left'),
    'sep',
  ),
  replace: method(
    (text, old, by, count) => replace(text, one('replace', old), one('replace', by), integer('replace', count)),
    'old',
    'new',
    ['count', -1n],
  ),
  startswith: method(
    (text, prefix, start, end) => affix(text, 'startswith', prefix, start, end),
    'prefix',
    ['start', null],
    ['end', null],
  ),
  endswith: method(
    (text, suffix, start, end) => affix(text, 'endswith', suffix, start, end),
    'suffix',
    ['start', null],
    ['end', null],
  ),
  removeprefix: method((text, prefix) => {
    const value = one('removeprefix', prefix);
    return text.startsWith(value) ? text.slice(value.length) : text;
  }, 'prefix'),
  removesuffix: method((text, suffix) => {
    const value = one('removesuffix', suffix);
    return value !== '' && text.endsWith(value) ? text.slice(0, -value.length) : text;
  }, 'suffix'),
  find: method(
    (text, part, start, end) => position(text, 'find', part, start, end),
    'sub',
    ['start', null],
    ['end', null],
  ),
  rfind: method(
    (text, part, start, end) => position(text, 'rfind', part, start, end),
    'sub',
    ['start', null],
    ['end', null],
  ),
  index: method(
    (text, part, start, end) => found(position(text, 'find', part, start, end)),
    'sub',
    ['start', null],
    ['end', null],
  ),
  rindex: method(
    (text, part, start, end) => found(position(text, 'rfind', part, start, end)),
    'sub',
    ['start', null],
    ['end', null],
  ),
  count: method(
    (text, part, start, end) => {
      const inside = within(text, start, end);
      const value = one('count', part);
      return BigInt(value === '' ? characterCount(inside) + 1 : inside.split(value).length - 1);
    },
    'sub',
    ['start', null],
    ['end', null],
  ),
  join: method((text, items) => {
    const parts = [...iterate(items ?? null)].map((item) => {
      if (typeof item !== 'string') throw new TemplateError(`join takes text, found ${typeName(item)}`);
      spendCharacters(item.length + text.length);
      return item;
    });
    return parts.join(text);
  }, 'iterable'),
  center: method((text, width, fill) => padded('center', text, width, fill, 'center'), 'width', ['fillchar', ' ']),
  ljust: method((text, width, fill) => padded('ljust', text, width, fill, 'right'), 'width', ['fillchar', ' ']),
  rjust: method((text, width, fill) => padded('rjust', text, width, fill, 'left'), 'width', ['fillchar', ' ']),
  zfill: method((text, width) => {
    const sign = /^[-+]/.exec(text)?.[0] ?? '';
    const body = text.slice(sign.length);
    return sign + padded('zfill', body, BigInt(integer('zfill', width) - sign.length), '0', 'left');
  }, 'width'),
  isspace: method((text) => spaces.test(text)),
  isalpha: method((text) => /^\p{L}+$/u.test(text)),
  isascii: method((text) => /^[\0-\x7f]*$/.test(text)),
  isdecimal: method((text) => digits.test(text)),
  isdigit: method((text) => isDigits('isdigit', text)),
  isnumeric: method((text) => isDigits('isnumeric', text)),
  isalnum: method((text) => /^[\p{L}\p{N}]+$/u.test(text)),
  islower: method((text) => isCased(text, 'lower')),
  isupper: method((text) => isCased(text, 'upper')),
};

/** A bound method of a string; `undefined` where Python has none of that name. */
export function stringMethod(text: string, name: string): Callable | undefined {
  if (refused.has(name)) throw new UnsupportedError(`the method ${name} of text is not supported`);
  if (name === 'format')
    return new Callable('format', (positional, keywords) => formatBraces(text, positional, keywords));
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (!found) return undefined;
  const run = (...values: Value[]): Value => {
    spendCharacters(text.length);
    return found.run(text, ...values);
  };
  return builtin(name, found.parameters, run, found.positionalOnly);
}

function one(name: string, value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new TemplateError(`${name} takes text, found ${typeName(value ?? null)}`);
}

const textOrNone = (name: string, value: Value | undefined): string | null =>
  value === null || value === undefined ? null : one(name, value);

export function integer(name: string, value: Value | undefined): number {
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  throw new TemplateError(`${name} takes an int, found ${typeName(value ?? null)}`);
}

function partition(text: string, separator: string, index: number, rest: 'left' | 'right'): Tuple {
  if (separator === '') throw new TemplateError('partition: the separator is empty');
  if (index < 0) return new Tuple(rest === 'right' ? [text, '', ''] : ['', '', text]);
  return new Tuple([text.slice(0, index), separator, text.slice(index + separator.length)]);
}

/** The part of a string between two optional positions. */
function within(text: string, start: Value | undefined, end: Value | undefined): string {
  if ((start ?? null) === null && (end ?? null) === null) return text;
  const all = characters(text);
  const at = (value: Value | undefined): number | undefined =>
    value === null || value === undefined ? undefined : integer('a position', value);
  return all.slice(at(start), at(end)).join('');
}

function affix(text: string, name: 'startswith' | 'endswith', affixes: Value | undefined, start?: Value, end?: Value) {
  const inside = within(text, start, end);
  const values = affixes instanceof Tuple ? affixes.items : [affixes];
  const all = values.map((value) => one(name, value));
  if ((start ?? null) !== null && all.includes(''))
    throw new UnsupportedError(`${name} with an empty text and a start is not supported`);
  return all.some((value) => (name === 'startswith' ? inside.startsWith(value) : inside.endsWith(value)));
}

function position(text: string, name: 'find' | 'rfind', part: Value | undefined, start?: Value, end?: Value): bigint {
  const value = one(name, part);
  const inside = within(text, start, end);
  if (value === '' && inside !== text) throw new UnsupportedError(`${name} of an empty text is not supported`);
  const unit = name === 'find' ? inside.indexOf(value) : inside.lastIndexOf(value);
  if (unit < 0) return -1n;
  const first = (start ?? null) === null ? 0 : integer(name, start);
  const length = characterCount(text);
  const offset = Math.max(0, first < 0 ? first + length : Math.min(first, length));
  return BigInt(characterCount(inside.slice(0, unit)) + offset);
}

function found(index: bigint): bigint {
  if (index < 0n) throw new TemplateError('index: the text is not found');
  return index;
}

function padded(
  name: string,
  text: string,
  width: Value | undefined,
  fill: Value | undefined,
  side: 'left' | 'right' | 'center',
) {
  const character = one(name, fill);
  if (characterCount(character) !== 1) throw new TemplateError(`${name} fills with one character`);
  return pad(text, characterCount(text), integer(name, width), character, side);
}

/** Which numerals beyond decimal digits count is a matter of tables that JavaScript does not have. */
function isDigits(name: string, text: string): boolean {
  if (numeric.test(text.replace(/\p{Nd}/gu, '')))
    throw new UnsupportedError(`${name} of numerals beyond decimal digits is not supported`);
  return digits.test(text);
}

/** Whether there are cased letters, all of one case. */
export function isCased(text: string, wanted: 'lower' | 'upper'): boolean {
  const other = wanted === 'lower' ? /[\p{Uppercase}\p{Lt}]/u : /[\p{Lowercase}\p{Lt}]/u;
  const own = wanted === 'lower' ? /\p{Lowercase}/u : /\p{Uppercase}/u;
  return own.test(text) && !other.test(text);
}
