import { at } from '../../required.js';
import { TemplateError, UnsupportedError } from '../errors.js';
import { SPACE, withoutTrailingSpaces } from '../parse/lexer.js';
import { spendCharacters } from './budget.js';

// Python's operations on text, where JavaScript's differ.

const leading = new RegExp(`^${SPACE}+`);
const words = new RegExp(`(?:(?!${SPACE})[\\s\\S])+`, 'g');
const LINE_END = '\\r\\n|[\\n\\v\\f\\r\\x1c-\\x1e\\x85\\u2028\\u2029]';
const lineEnd = new RegExp(LINE_END, 'g');
/** Characters whose title case is neither their upper case nor that of its first letter. */
const ownTitleCase =
  /[\u0149\u01c4-\u01cc\u01f1-\u01f3\u10d0-\u10fa\u10fd-\u10ff\u1f80-\u1faf\u1fb2-\u1fb4\u1fb7\u1fbc\u1fc2-\u1fc4\u1fc7\u1fcc\u1ff2-\u1ff4\u1ff7\u1ffc]/;

/** `strip`, `lstrip` and `rstrip`: whitespace, or any of the given characters. */
export function strip(text: string, set: string | null, side: 'both' | 'left' | 'right'): string {
  if (set === null) {
    const left = side === 'right' ? text : text.replace(leading, '');
    return side === 'left' ? left : withoutTrailingSpaces(left);
  }
  const characters = new Set(set);
  const units = [...text];
  let start = 0;
  let end = units.length;
  if (side !== 'right') while (start < end && characters.has(at(units, start))) start++;
  if (side !== 'left') while (end > start && characters.has(at(units, end - 1))) end--;
  return units.slice(start, end).join('');
}

/** @param limit maximum splits; below 0 for any number */
export function split(text: string, separator: string | null, limit: number): string[] {
  if (separator === null) return splitWords(text, limit);
  if (separator === '') throw new TemplateError('split: the separator is empty');
  const parts = text.split(separator);
  if (limit < 0 || parts.length <= limit + 1) return parts;
  return [...parts.slice(0, limit), parts.slice(limit).join(separator)];
}

function splitWords(text: string, limit: number): string[] {
  const parts: string[] = [];
  for (const word of text.matchAll(words)) {
    if (limit >= 0 && parts.length === limit) {
      parts.push(text.slice(word.index));
      return parts;
    }
    parts.push(word[0]);
  }
  return parts;
}

/** As `split`, from the end. */
export function splitRight(text: string, separator: string | null, limit: number): string[] {
  if (limit < 0) return split(text, separator, -1);
  if (separator !== null) {
    if (separator === '') throw new TemplateError('rsplit: the separator is empty');
    const parts = text.split(separator);
    if (parts.length <= limit + 1) return parts;
    const kept = parts.length - limit;
    return [parts.slice(0, kept).join(separator), ...parts.slice(kept)];
  }
  const found = [...text.matchAll(words)];
  if (found.length <= limit) return found.map(([word]) => word);
  const last = found[found.length - limit - 1];
  const rest = last ? text.slice(0, last.index + last[0].length) : '';
  return [rest, ...found.slice(found.length - limit).map(([word]) => word)];
}

export function splitLines(text: string, keepEnds: boolean): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const end of text.matchAll(lineEnd)) {
    lines.push(text.slice(start, end.index + (keepEnds ? end[0].length : 0)));
    start = end.index + end[0].length;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** @param limit maximum replacements; below 0 for any number */
export function replace(text: string, old: string, by: string, limit: number): string {
  if (limit === 0) return text;
  if (old === '') {
    const characters = [...text];
    const places = limit < 0 ? characters.length + 1 : Math.min(limit, characters.length + 1);
    spendCharacters(text.length + places * by.length);
    return characters.map((c, i) => (i < places ? by + c : c)).join('') + (places > characters.length ? by : '');
  }
  const parts = split(text, old, limit);
  spendCharacters(text.length + (parts.length - 1) * by.length);
  return parts.join(by);
}

/** The first letter in title case, the rest in lower case. */
export function capitalize(text: string): string {
  const [first = ''] = text;
  return titleCase(first) + lowerAfter(text, first);
}

/** Lower case of what follows, in the context of all: a final sigma depends on what is before it. */
function lowerAfter(text: string, first: string): string {
  const rest = text.slice(first.length);
  if (/\u03a3/.test(rest)) throw new UnsupportedError('title case of text with a capital sigma is not supported');
  return rest.toLowerCase();
}

function titleCase(character: string): string {
  if (ownTitleCase.test(character))
    throw new UnsupportedError(`title case of the character ${character} is not supported`);
  const [head = '', ...tail] = character.toUpperCase();
  return head + tail.join('').toLowerCase();
}

/** `str.title()`: each run of letters capitalized. */
export function title(text: string): string {
  return text.replace(/[\p{Uppercase}\p{Lowercase}\p{Lt}]+/gu, (word) => capitalize(word));
}

export function pad(
  text: string,
  length: number,
  width: number,
  fill: string,
  side: 'left' | 'right' | 'center',
): string {
  const missing = Math.max(0, width - length);
  spendCharacters(text.length + missing);
  // CPython puts the odd character on the left only where the width is odd.
  const left = side === 'left' ? missing : side === 'right' ? 0 : (missing >> 1) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

/** @throws {TemplateError} if it is not an int in Python's notation */
export function parseInteger(text: string, base: number): bigint | undefined {
  const trimmed = strip(text, null, 'both');
  const sign = /^[-+]/.exec(trimmed)?.[0] ?? '';
  const prefixes: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 16: '0x' };
  let digits = trimmed.slice(sign.length).toLowerCase();
  const prefix = prefixes[base];
  if (prefix && digits.startsWith(prefix)) digits = digits.slice(2).replace(/^_/, '');
  if (/[^\0-\x7f]/.test(digits)) {
    if (/\p{Nd}/u.test(digits)) throw new UnsupportedError('digits beyond ASCII are not supported');
    return undefined;
  }
  if (!/^[0-9a-z]+(_[0-9a-z]+)*$/.test(digits)) return undefined;
  let value = 0n;
  for (const digit of digits.replaceAll('_', '')) {
    const one = Number.parseInt(digit, 36);
    if (one >= base) return undefined;
    value = value * BigInt(base) + BigInt(one);
  }
  return sign === '-' ? -value : value;
}

/** `undefined` if it is not a float in Python's notation. */
export function parseDecimal(text: string): number | undefined {
  const trimmed = strip(text, null, 'both');
  if (/\p{Nd}/u.test(trimmed.replace(/[0-9]/g, '')))
    throw new UnsupportedError('digits beyond ASCII are not supported');
  const special = /^([-+]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (special) {
    const value = special[2]?.toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
    return special[1] === '-' ? -value : value;
  }
  if (!/^[-+]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[-+]?\d+(_\d+)*)?$/i.test(trimmed)) return undefined;
  return Number(trimmed.replaceAll('_', ''));
}
