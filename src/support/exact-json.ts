import { type Decimal, decimalKey, decimalOf } from './decimal.js';

/** A number of a JSON text that a double cannot represent as written, such as `9007199254740993`. */
export class ExactNumber {
  constructor(
    /** As written. */
    readonly text: string,
  ) {}
}

/** Starts a text that stands for a number while JSON.parse or JSON.stringify runs. */
const MARK = '\uE000';
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const TOKEN_OR_INFINITE = new RegExp(`${TOKEN.source}|-?Infinity|NaN`, 'g');
// Doubles keep 15 digits.
const MAY_LOSE = /\d[\d.]{15}|\d[eE]/;

/**
 * Parses JSON as JSON.parse does, except that a number which a double cannot represent as written becomes an
 * `ExactNumber`.
 *
 * @param nonFinite also takes `Infinity`, `-Infinity` and `NaN`, as `ExactNumber`s
 * @throws {SyntaxError} if the text is not JSON
 */
export function parseExact(text: string, { nonFinite = false } = {}): unknown {
  if (!MAY_LOSE.test(text) && !(nonFinite && /Infinity|NaN/.test(text))) return JSON.parse(text);
  let found = false;
  const marked = text.replace(nonFinite ? TOKEN_OR_INFINITE : TOKEN, (token) => {
    if (token[0] === '"') return startsWithMark(token) ? `"${MARK}${token.slice(1)}` : token;
    if (isExact(token)) return token;
    found = true;
    return `"${MARK}${token}"`;
  });
  if (!found) return JSON.parse(text);
  return parseMarked(marked, text);
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

/** Writes JSON as JSON.stringify does, with `ExactNumber`s as they were written. */
export function stringifyExact(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof ExactNumber) return MARK + inner.text;
    return typeof inner === 'string' && inner[0] === MARK ? MARK + inner : inner;
  });
  if (text === undefined || !text.includes(MARK)) return text;
  // A quotation mark inside a string follows a backslash.
  return text
    .replace(/(?<!\\)"\uE000(-?(?:\d[\d.eE+-]*|Infinity)|NaN)"/g, '$1')
    .replace(/(?<!\\)"\uE000\uE000/g, `"${MARK}`);
}

/** A number's decimal value as written. Infinite numbers have none. */
export const exactDecimal = (value: number | ExactNumber): Decimal =>
  decimalOf(value instanceof ExactNumber ? value.text : String(value));
