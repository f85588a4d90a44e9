import { type Decimal, decimalKey, decimalOf } from './decimal.js';

/** A number of a JSON text that a double would change, such as `9007199254740993`. */
export class ExactNumber {
  constructor(
    /** As written. */
    readonly text: string,
  ) {}
}

/** Which numbers become an `ExactNumber`. */
export interface ExactOptions {
  /**
   * `value`: those that a double cannot represent. `digits`: also those that JavaScript would write otherwise, such as
   * `1.50` or `1e3`. Default: `value`.
   */
  readonly keep?: 'value' | 'digits';
  /** Takes `Infinity`, `-Infinity` and `NaN` as well, as `ExactNumber`s. */
  readonly nonFinite?: boolean;
}

/** Starts a text that stands for a number while JSON.parse or JSON.stringify runs. */
const MARK = '\uE000';
// Doubles keep 15 digits.
const MAY_LOSE = /\d[\d.]{15}|\d[eE]/;
const MAY_DIFFER = /\d[\d.]{15}|\d[eE]|\.\d*0(?!\d)|\.0{6}|-0/;
const LEADING_ZERO = /^-?0\d/;

/**
 * Parses JSON as JSON.parse does, except that a number which a double would change becomes an `ExactNumber`.
 * @throws {SyntaxError} if the text is not JSON
 */
export function parseExact(text: string, { keep = 'value', nonFinite = false }: ExactOptions = {}): unknown {
  const mayChange = keep === 'digits' ? MAY_DIFFER : MAY_LOSE;
  if (!mayChange.test(text) && !(nonFinite && /Infinity|NaN/.test(text))) return JSON.parse(text);
  const isKept = keep === 'digits' ? hasSameDigits : isExact;
  let found = false;
  const marked = replaceTokens(text, nonFinite ? NUMBER_OR_NONFINITE : NUMBER, (token, isName) => {
    if (token[0] === '"') return startsWithMark(token) && !isName ? `"${MARK}${token.slice(1)}` : token;
    // JSON has no leading zeros: leave them to the parser.
    if (isKept(token) || LEADING_ZERO.test(token)) return token;
    found = true;
    return `"${MARK}${token}"`;
  });
  if (!found) return JSON.parse(text);
  return parseMarked(marked, text);
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const NUMBER_OR_NONFINITE = new RegExp(`${NUMBER.source}|-?Infinity|NaN`, 'y');
const TOKEN_START = /["\-\dIN]/g;
const AFTER_NAME = /\s*:/y;

/** Replaces the strings and numbers of a JSON text. One expression for a whole string would overflow on long ones. */
function replaceTokens(text: string, number: RegExp, replace: (token: string, isName: boolean) => string): string {
  const parts: string[] = [];
  let copied = 0;
  for (let start = nextMatch(TOKEN_START, text, 0); start >= 0; ) {
    const end = endOfToken(text, start, number);
    const token = text.slice(start, end);
    const replaced = token && replace(token, nextMatch(AFTER_NAME, text, end) === end);
    if (replaced !== token) {
      parts.push(text.slice(copied, start), replaced);
      copied = end;
    }
    start = nextMatch(TOKEN_START, text, Math.max(end, start + 1));
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(copied);
}

/** Where an expression with flag `g` or `y` matches from an index on; -1 where it does not. */
function nextMatch(expression: RegExp, text: string, from: number): number {
  expression.lastIndex = from;
  return expression.exec(text)?.index ?? -1;
}

/** The index after the string or number that starts at an index; the index itself where none does. */
function endOfToken(text: string, start: number, number: RegExp): number {
  if (text[start] === '"') return endOfString(text, start);
  return nextMatch(number, text, start) === start ? number.lastIndex : start;
}

/** The index after the string that starts at an index, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === '\\') before--;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return text.length;
}

function parseMarked(marked: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(marked, revive);
  } catch (error) {
    // The position in the message is that of the text as given.
    if (error instanceof SyntaxError) JSON.parse(text);
    throw error;
  }
  return value;
}

function revive(_: string, value: unknown): unknown {
  if (typeof value !== 'string' || value[0] !== MARK) return value;
  return value[1] === MARK ? value.slice(1) : new ExactNumber(value.slice(1));
}

/** Whether a JSON string starts with the mark, written or escaped. */
const startsWithMark = (token: string): boolean => token[1] === MARK || /^"\\ue000/i.test(token);

function isExact(token: string): boolean {
  if (!/\d$/.test(token)) return false;
  if (token.length <= 15 && !/[eE]/.test(token)) return true;
  const value = Number(token);
  return Number.isFinite(value) && decimalKey(decimalOf(token)) === decimalKey(decimalOf(String(value)));
}

const hasSameDigits = (token: string): boolean => String(Number(token)) === token && /\d$/.test(token);

/** Writes JSON as JSON.stringify does, with `ExactNumber`s as they were written. */
export function stringifyExact(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof ExactNumber) return MARK + inner.text;
    return typeof inner === 'string' && inner[0] === MARK ? MARK + inner : inner;
  });
  if (text === undefined || !text.includes(MARK)) return text;
  return replaceTokens(text, NUMBER, (token, isName) => {
    if (token[0] !== '"' || token[1] !== MARK || isName) return token;
    return token[2] === MARK ? `"${token.slice(2)}` : token.slice(2, -1);
  });
}

/** A number's decimal value as written. Infinite numbers have none. */
export const exactDecimal = (value: number | ExactNumber): Decimal =>
  decimalOf(value instanceof ExactNumber ? value.text : String(value));
