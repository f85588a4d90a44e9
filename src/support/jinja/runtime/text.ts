import { required } from '../../required.js';
import { TemplateError } from '../errors.js';
import { spendCharacters, spendSteps } from './budget.js';
import {
  Dict,
  isList,
  keyOf,
  Range,
  SafeText,
  Tuple,
  typeName,
  Undefined,
  unsupported,
  type Value,
  View,
} from './values.js';

/** Python's `str()`: how a value is printed. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof Undefined) return '';
  if (value instanceof SafeText) return value.text;
  const parts: string[] = [];
  represent(value, parts);
  return parts.join('');
}

/** Python's `repr()`: how a value is printed inside a list. */
export function representationOf(value: Value): string {
  const parts: string[] = [];
  represent(value, parts);
  return parts.join('');
}

function represent(value: Value, out: string[]): void {
  spendSteps();
  const add = (text: string): void => {
    spendCharacters(text.length);
    out.push(text);
  };
  const list = (open: string, items: readonly Value[], close: string): void => {
    add(open);
    for (const [i, item] of items.entries()) {
      if (i > 0) add(', ');
      represent(item, out);
    }
    add(close);
  };
  if (value === null) add('None');
  else if (typeof value === 'boolean') add(value ? 'True' : 'False');
  else if (typeof value === 'bigint') add(String(value));
  else if (typeof value === 'number') add(floatText(value));
  else if (typeof value === 'string') add(quoted(value));
  else if (isList(value)) list('[', value, ']');
  else if (value instanceof Tuple) list('(', value.items, value.items.length === 1 ? ',)' : ')');
  else if (value instanceof Dict) {
    add('{');
    let isFirst = true;
    for (const [key, item] of value.entries.values()) {
      if (!isFirst) add(', ');
      isFirst = false;
      represent(key, out);
      add(': ');
      represent(item, out);
    }
    add('}');
  } else if (value instanceof Range)
    add(`range(${value.start}, ${value.stop}${value.step === 1n ? '' : `, ${value.step}`})`);
  else if (value instanceof View) list(`dict_${value.kind}([`, value.items(), '])');
  else if (value instanceof Undefined) add('Undefined');
  // The rest prints an address or a class of the library.
  else throw unsupported(value, 'printing');
}

/** Python's shortest text of a float that reads back as the same. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= 16 || exponent < -4)
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  if (Number.isInteger(value)) return `${BigInt(value)}.0`;
  const sign = value < 0 ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

const named: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A string in quotes as Python writes it, with what cannot be printed escaped. */
export function quoted(text: string): string {
  spendCharacters(text.length);
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\p{C}\p{Zl}\p{Zp}\p{Zs}\\'"]/gu, (character) => {
    if (character === ' ') return character;
    if (character === "'" || character === '"') return character === quote ? `\\${quote}` : character;
    const short = named[character];
    if (short !== undefined) return short;
    const code = required(character.codePointAt(0), 'the character');
    const hex = code.toString(16);
    if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
  return quote + body + quote;
}

export interface JsonOptions {
  readonly ensureAscii: boolean;
  /** What each level is indented by; `undefined` writes one line. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

/** Python's `json.dumps`. @throws {TemplateError} for a value that JSON does not have */
export function jsonText(value: Value, options: JsonOptions, order: (a: Value, b: Value) => number): string {
  const parts: string[] = [];
  const add = (text: string): void => {
    spendCharacters(text.length);
    parts.push(text);
  };
  const block = <T>(
    open: string,
    items: readonly T[],
    close: string,
    depth: number,
    write: (item: T) => void,
  ): void => {
    if (items.length === 0) {
      add(open + close);
      return;
    }
    const newline = (level: number): string =>
      options.indent === undefined ? '' : `\n${options.indent.repeat(level)}`;
    add(open);
    for (const [i, item] of items.entries()) {
      add((i > 0 ? options.itemSeparator : '') + newline(depth + 1));
      write(item);
    }
    add(newline(depth) + close);
  };
  const write = (item: Value, depth: number): void => {
    spendSteps();
    if (item === null) add('null');
    else if (typeof item === 'string') add(jsonString(item, options.ensureAscii));
    else if (item instanceof SafeText) add(jsonString(item.text, options.ensureAscii));
    else if (typeof item === 'object') writeContainer(item, depth);
    else add(jsonScalar(item));
  };
  const writeContainer = (
    item: Exclude<Value, null | SafeText | boolean | bigint | number | string>,
    depth: number,
  ) => {
    if (isList(item)) block('[', item, ']', depth, (one) => write(one, depth + 1));
    else if (item instanceof Tuple) block('[', item.items, ']', depth, (one) => write(one, depth + 1));
    else if (item instanceof Dict) {
      const entries = [...item.entries.values()];
      if (options.sortKeys) entries.sort(([a], [b]) => order(a, b));
      block('{', entries, '}', depth, ([key, one]) => {
        add(jsonString(jsonKey(key), options.ensureAscii) + options.keySeparator);
        write(one, depth + 1);
      });
    } else throw new TemplateError(`tojson: ${typeName(item)} is not JSON`);
  };
  write(value, 0);
  return parts.join('');
}

function jsonScalar(value: boolean | bigint | number): string {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return String(value);
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return floatText(value);
}

function jsonKey(key: Value): string {
  if (typeof key === 'string') return key;
  if (key instanceof SafeText) return key.text;
  if (key === null) return 'null';
  if (typeof key !== 'object') return jsonScalar(key);
  throw new TemplateError(`tojson: the key ${keyOf(key)} is ${typeName(key)}; JSON takes text, numbers and None`);
}

function jsonString(text: string, ensureAscii: boolean): string {
  const quote = JSON.stringify(text);
  // JSON.stringify escapes lone surrogates, which Python writes as they are without ensure_ascii.
  if (!ensureAscii) return quote;
  return quote.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
