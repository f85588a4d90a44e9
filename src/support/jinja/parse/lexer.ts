import { required } from '../../required.js';
import { TemplateError, UnsupportedError } from '../errors.js';

export type Token =
  | { readonly type: 'text' | 'name' | 'string'; readonly value: string; readonly line: number }
  | { readonly type: 'integer'; readonly value: bigint; readonly line: number }
  | { readonly type: 'float'; readonly value: number; readonly line: number }
  | { readonly type: 'operator'; readonly value: string; readonly line: number }
  | { readonly type: 'variable-begin' | 'variable-end' | 'block-begin' | 'block-end' | 'end'; readonly line: number };

/** What Python's `\s` and `str.strip` take for whitespace; JavaScript's `\s` differs in six characters. */
export const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';

const spaces = new RegExp(`${SPACE}+`, 'y');
const oneSpace = new RegExp(`^${SPACE}$`);
const onlySpaces = new RegExp(`^${SPACE}+$`);
const rawBegin = new RegExp(`\\{%([-+]?)${SPACE}*raw${SPACE}*(?:-%\\}${SPACE}*|%\\})`, 'y');
const rawEnd = new RegExp(`\\{%([-+]?)${SPACE}*endraw${SPACE}*(?:\\+%\\}|-%\\}${SPACE}*|%\\}\\n?)`, 'g');
const commentEnd = new RegExp(`\\+#\\}|-#\\}${SPACE}*|#\\}\\n?`, 'g');
const blockEnd = new RegExp(`\\+%\\}|-%\\}${SPACE}*|%\\}\\n?`, 'y');
const variableEnd = new RegExp(`-\\}\\}${SPACE}*|\\}\\}`, 'y');
const float = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integer = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const word = /[\p{L}\p{N}_]+/uy;
const identifier = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;
const string = /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const operator = /\*\*|\/\/|==|!=|>=|<=|[+\-/*%~[\](){}><=.:|,;]/y;
const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** `rstrip`. A loop, as a pattern anchored at the end alone takes quadratic time on long runs of spaces. */
export function withoutTrailingSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && oneSpace.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** A position in a template, and the tokens up to it. */
interface Scanner {
  readonly source: string;
  readonly tokens: Token[];
  position: number;
  line: number;
  /** Whether the last tag ended with a line end. */
  atLineStart: boolean;
}

/**
 * Splits a template into tokens as Jinja does with `trim_blocks` and `lstrip_blocks`, the settings of transformers.
 * @throws {TemplateError} with the line
 */
export function tokenize(template: string): Token[] {
  const lines = template.split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  const scanner: Scanner = { source: lines.join('\n'), tokens: [], position: 0, line: 1, atLineStart: true };
  const { source, tokens } = scanner;
  const begin = /\{[%{#]/g;
  for (;;) {
    const tag = match(scanner, begin);
    if (!tag) break;
    const start = tag.index;
    rawBegin.lastIndex = start;
    const isRaw = rawBegin.exec(source);
    const isVariable = tag[0] === '{{';
    const sign = /[-+]/.exec(source.charAt(start + 2))?.[0] ?? '';
    addText(scanner, start, sign, isVariable);
    if (isRaw) addRaw(scanner, isRaw);
    else if (tag[0] === '{#') skipComment(scanner, sign);
    else {
      tokens.push({ type: isVariable ? 'variable-begin' : 'block-begin', line: scanner.line });
      take(scanner, start + 2 + sign.length);
      addExpression(scanner, isVariable);
    }
  }
  const { line } = scanner;
  const rest = take(scanner, source.length);
  if (rest !== '') tokens.push({ type: 'text', value: rest, line });
  tokens.push({ type: 'end', line: scanner.line });
  return tokens;
}

function fail({ line }: Scanner, message: string): never {
  throw new TemplateError(`line ${line}: ${message}`);
}

function match({ source, position }: Scanner, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = position;
  return pattern.exec(source);
}

function take(scanner: Scanner, end: number): string {
  const taken = scanner.source.slice(scanner.position, end);
  for (const character of taken) if (character === '\n') scanner.line++;
  scanner.position = end;
  scanner.atLineStart = taken.endsWith('\n');
  return taken;
}

/** The text up to a tag, stripped as the tag's sign asks. */
function addText(scanner: Scanner, end: number, sign: string, isVariable: boolean): void {
  const { atLineStart, line } = scanner;
  let value = take(scanner, end);
  if (sign === '-') value = withoutTrailingSpaces(value);
  else if (sign !== '+' && !isVariable) {
    const lineStart = value.lastIndexOf('\n') + 1;
    if ((lineStart > 0 || atLineStart) && onlySpaces.test(value.slice(lineStart))) value = value.slice(0, lineStart);
  }
  if (value !== '') scanner.tokens.push({ type: 'text', value, line });
}

function addRaw(scanner: Scanner, begin: RegExpExecArray): void {
  take(scanner, scanner.position + begin[0].length);
  const end = match(scanner, rawEnd) ?? fail(scanner, '{% raw %} has no {% endraw %}');
  addText(scanner, end.index, end[1] ?? '', false);
  take(scanner, scanner.position + end[0].length);
}

function skipComment(scanner: Scanner, sign: string): void {
  take(scanner, scanner.position + 2 + sign.length);
  const end = match(scanner, commentEnd) ?? fail(scanner, 'a comment has no end; expected #}');
  take(scanner, end.index + end[0].length);
}

/** The tokens of a tag up to its end. Inside brackets, `}}` and `%}` are operators. */
function addExpression(scanner: Scanner, isVariable: boolean): void {
  const open: string[] = [];
  for (;;) {
    const end = open.length === 0 ? match(scanner, isVariable ? variableEnd : blockEnd) : null;
    if (end) {
      scanner.tokens.push({ type: isVariable ? 'variable-end' : 'block-end', line: scanner.line });
      take(scanner, scanner.position + end[0].length);
      return;
    }
    const space = match(scanner, spaces);
    if (space) take(scanner, scanner.position + space[0].length);
    else {
      const next = literal(scanner);
      if (next.type === 'operator') balance(scanner, next.value, open);
      scanner.tokens.push(next);
    }
  }
}

function literal(scanner: Scanner): Token {
  const { line, position, source } = scanner;
  for (const [pattern, make] of literals) {
    const found = match(scanner, pattern);
    if (!found) continue;
    take(scanner, position + found[0].length);
    return make(found[0], line);
  }
  return position >= source.length
    ? fail(scanner, 'unexpected end of the template')
    : fail(
        scanner,
        'unexpected character ' +
          `${JSON.stringify(String.fromCodePoint(required(source.codePointAt(position), 'the character')))}`,
      );
}

function balance(scanner: Scanner, value: string, open: string[]): void {
  const close = closing[value];
  if (close) open.push(close);
  else if (')]}'.includes(value)) {
    const expected = open.pop();
    if (expected !== value) fail(scanner, `unexpected ${value}${expected ? `; expected ${expected}` : ''}`);
  }
}

const literals: readonly (readonly [RegExp, (text: string, line: number) => Token])[] = [
  [float, (text, line) => ({ type: 'float', value: Number(text.replaceAll('_', '')), line })],
  [integer, (text, line) => ({ type: 'integer', value: BigInt(text.replaceAll('_', '')), line })],
  [
    word,
    (text, line) => {
      if (!identifier.test(text)) throw new TemplateError(`line ${line}: ${text} is not a name`);
      return { type: 'name', value: text, line };
    },
  ],
  [string, (text, line) => ({ type: 'string', value: unescaped(text.slice(1, -1), line), line })],
  [operator, (text, line) => ({ type: 'operator', value: text, line })],
];

const escapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Python's escapes. A character beyond ASCII is escaped first, so a backslash before one stays, as in Jinja. */
function unescaped(text: string, line: number): string {
  if (!text.includes('\\')) return text;
  const ascii = text.replace(/[^\0-\x7f]/gu, (character) => {
    const code = required(character.codePointAt(0), 'the character');
    const hex = code.toString(16);
    if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
  return ascii.replace(
    /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([0-7]{1,3})|([\s\S]))/gi,
    (whole, x?: string, u?: string, long?: string, octal?: string, other?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) {
        if (whole[1] !== 'x' && whole[1] !== 'u' && whole[1] !== 'U') return whole;
        const code = Number.parseInt(hex, 16);
        if (code > 0x10ffff) throw new TemplateError(`line ${line}: ${whole} is not a character`);
        return String.fromCodePoint(code);
      }
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (other === 'N') throw new UnsupportedError(`line ${line}: the escape \\N{…} is not supported`);
      if (other === 'x' || other === 'u' || other === 'U')
        throw new TemplateError(`line ${line}: ${whole} is not followed by enough hexadecimal digits`);
      return escapes[other ?? ''] ?? whole;
    },
  );
}
