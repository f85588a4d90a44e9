import { pattern } from '../../pattern.js';
import { type Node, ParseFailure } from './ast.js';
import { number, parseArgument, parseAtom } from './atoms.js';
import { type Cursor, isOperator, peek, take } from './cursor.js';
import { FRACTION } from './words.js';

/** Commands that end a product. */
const ENDS_PRODUCT = pattern(
  '',
  '^(?:end:|pm|mp|times|cdot|ast|div|cup|bigcup|cap|setminus|backslash|rvert|rfloor|rceil|rangle|not|',
  'rbrace|rbrack|circ$|cdots|ldots|dots|dotsc|dotsb|over$|choose$|b?mod$)',
);

/** `0.1~6`: the digits after `~` repeat forever. */
function repeating(head: string, digits: string): Node {
  const [whole = '0', fixed = ''] = head.split('.');
  const long = BigInt(`${whole}${fixed}${digits}`) - BigInt(`${whole}${fixed}` || '0');
  const d = 10n ** BigInt(fixed.length) * (10n ** BigInt(digits.length) - 1n);
  const value = { n: long, d };
  return {
    kind: 'divide',
    left: { kind: 'number', value: { n: value.n, d: 1n }, decimal: false },
    right: { kind: 'number', value: { n: d, d: 1n }, decimal: false },
  };
}

const startsFactor = (c: Cursor): boolean => {
  const token = peek(c);
  if (token.type === 'symbol' || token.type === 'function') return true;
  if (token.type === 'number') return token.gap || isOperator(peek(c, -1), '!');
  if (token.type === 'command') return !ENDS_PRODUCT.test(token.text);
  return isOperator(token, '(', '{', '[') || (isOperator(token, '|') && c.bars === 0 && token.gap === false);
};

/** `\text{The answer is } 5`: words that introduce a value. */
const INTRODUCTION = /(?:\bis|\bare|:)$/i;

/** Juxtaposed factors: `2xy`, `3\sqrt2`, `1\frac12`. */
export function parseFactors(c: Cursor): Node {
  const label = peek(c);
  if (label.type === 'text' && INTRODUCTION.test(label.text) && !/\bnot\b/i.test(label.text)) c.at++;
  const mixed = parseMixed(c);
  const items = [parsePostfix(c, mixed)];
  for (;;) {
    const before = items.at(-1);
    if (peek(c).type === 'text' && before) {
      const unit = peek(c).text;
      c.at++;
      if (take(c, '^')) items[items.length - 1] = { kind: 'unit', item: before, unit: `${unit}^${exponentText(c)}` };
      else
        items[items.length - 1] = {
          kind: 'unit',
          item: before,
          unit: before.kind === 'unit' ? `${before.unit} ${unit}` : unit,
        };
      continue;
    }
    if (before?.kind === 'unit' && peek(c).type === 'number') {
      const rest = parseFactors(c);
      const whole: Node =
        items.length === 1
          ? before
          : { ...before, item: { kind: 'multiply', items: [...items.slice(0, -1), before.item] } };
      return { kind: 'add', items: [whole, ...(rest.kind === 'add' ? rest.items : [rest])] };
    }
    if (!startsFactor(c)) break;
    if (peek(c).type === 'number' && before?.kind === 'number')
      throw new ParseFailure('two numbers without an operator between them');
    items.push(parsePostfix(c));
  }
  const [only] = items;
  if (only && items.length === 1) return only;
  const last = items.at(-1);
  if (last?.kind === 'unit') {
    items[items.length - 1] = last.item;
    return { kind: 'unit', item: { kind: 'multiply', items }, unit: last.unit };
  }
  return { kind: 'multiply', items };
}

function exponentText(c: Cursor): string {
  const argument = parseArgument(c);
  const sign = argument.kind === 'negate' ? '-' : '';
  const size = argument.kind === 'negate' ? argument.item : argument;
  return size.kind === 'number' ? `${sign}${size.value.n}` : '?';
}

const isDigits = (text: string): boolean => /^\d+$/.test(text);

/** `1 1/2` and `1\frac12`: an integer before a fraction of integers makes a mixed number. */
function parseMixed(c: Cursor): Node | undefined {
  const whole = peek(c);
  if (whole.type !== 'number' || !isDigits(whole.text)) return undefined;
  const start = c.at;
  c.at++;
  const [a, slash, b] = [peek(c), peek(c, 1), peek(c, 2)];
  let fraction: Node | undefined;
  if (
    a.type === 'number' &&
    a.gap &&
    isDigits(a.text) &&
    isOperator(slash, '/') &&
    b.type === 'number' &&
    isDigits(b.text)
  ) {
    c.at += 3;
    fraction = { kind: 'divide', left: number(a.text), right: number(b.text) };
  } else if (a.type === 'command' && FRACTION.test(a.text)) {
    const candidate = parseAtom(c);
    const plain = candidate.kind === 'divide' && candidate.left.kind === 'number' && candidate.right.kind === 'number';
    if (plain && !isOperator(peek(c), '^')) fraction = candidate;
  }
  if (fraction) return { kind: 'add', items: [number(whole.text), fraction] };
  c.at = start;
  return undefined;
}

/** A factor with the operators after it; `start` is its first part if that is already parsed. */
export function parsePostfix(c: Cursor, start?: Node): Node {
  let node = start ?? parseBase(c);
  for (;;) {
    const token = peek(c);
    if (token.type === 'operator' && token.text.startsWith('~')) {
      c.at++;
      const head = c.tokens[c.at - 2]?.text ?? '0';
      node = repeating(head, token.text.slice(1));
    } else if (take(c, '!'))
      node = {
        kind: 'call',
        name: isOperator(peek(c), '!') && take(c, '!') ? 'doubleFactorial' : 'factorial',
        items: [node],
        known: true,
      };
    else if (take(c, '%')) node = { kind: 'percent', item: node };
    else if (token.type === 'command' && token.text === 'circ') {
      c.at++;
      node = { kind: 'degrees', item: parseMinutes(c, node) };
    } else if (token.type === 'command' && /^(?:cdots|ldots|dots|dotsc|dotsb)$/.test(token.text))
      throw new ParseFailure('an expression that continues with dots');
    else if (isOperator(token, '^')) {
      c.at++;
      node = {
        kind: 'power',
        left: node,
        right: take(c, '-') ? { kind: 'negate', item: parseArgument(c) } : parseArgument(c),
      };
    } else return node;
  }
}

/** `30^\circ 15' 20''`, after the degrees. */
function parseMinutes(c: Cursor, degrees: Node): Node {
  const items = [degrees];
  for (const [marks, parts] of [
    ["'", '60'],
    ["''", '3600'],
  ] as const) {
    const [count, ...following] = [0, 1, 2].map((ahead) => peek(c, ahead));
    if (count?.type !== 'number' || !following.slice(0, marks.length).every((token) => isOperator(token, "'"))) break;
    c.at += 1 + marks.length;
    items.push({ kind: 'divide', left: number(count.text), right: number(parts) });
  }
  return items.length === 1 ? degrees : { kind: 'add', items };
}

function parseBase(c: Cursor): Node {
  const token = peek(c);
  const base = [peek(c, 1), peek(c, 2), peek(c, 3), peek(c, 4)];
  if (token.type === 'number' && base[0] && isOperator(base[0], '_')) {
    const braced = base[1] && isOperator(base[1], '{') && base[3] && isOperator(base[3], '}');
    const value = braced ? base[2] : base[1];
    if (value?.type === 'number' && isDigits(token.text)) {
      c.at += braced ? 5 : 3;
      return { kind: 'based', digits: token.text.replace(/^0+(?=.)/, ''), base: Number(value.text) };
    }
  }
  return parseAtom(c);
}
