import { ONE, parseDecimal, power } from '../evaluate/rational.js';
import { isImaginary, type Node, ParseFailure, some } from './ast.js';
import { parseBind, parseIntegral } from './bound.js';
import { type Cursor, deeper, type END, expect, isOperator, peek, take } from './cursor.js';
import { parseEnvironment } from './environments.js';
import { ACCENTS, FRACTION } from './words.js';

export const number = (text: string): Node => {
  const [mantissa = '', exponent] = text.split('e');
  const value = parseDecimal(mantissa);
  const scale = exponent === undefined ? ONE : power({ n: 10n, d: 1n }, BigInt(exponent));
  const scaled = value && scale && { n: value.n * scale.n, d: value.d * scale.d };
  if (!scaled) throw new ParseFailure('a number is too long');
  return { kind: 'number', value: scaled, decimal: mantissa.includes('.') || exponent !== undefined };
};

/** The content of braces, or the next token; a single digit in `\frac12`. */
export function parseArgument(c: Cursor, digitwise = false): Node {
  const token = peek(c);
  if (isOperator(token, '{')) return parseAtom(c);
  if (digitwise && token.type === 'number' && /^\d+$/.test(token.text) && token.text.length > 1) {
    const [first = '', ...rest] = token.text;
    c.tokens = c.tokens.with(c.at, { type: 'number', text: rest.join(''), gap: false });
    return number(first);
  }
  return parseAtom(c);
}

const CLOSERS = { '(': ')', '[': ']', '{': '}', '\\{': '\\}' } as const;
type Opener = keyof typeof CLOSERS;
const isOpener = (text: string): text is Opener => Object.hasOwn(CLOSERS, text);

/** @throws ParseFailure if no value starts here */
export function parseAtom(c: Cursor): Node {
  return deeper(c, () => {
    const token = peek(c);
    c.at++;
    switch (token.type) {
      case 'number':
        return number(token.text);
      case 'symbol':
        return parseSymbol(c, token.text);
      case 'function':
        return parseFunction(c, token.text);
      case 'text':
        return { kind: 'text', text: token.text };
      case 'command':
        return parseCommand(c, token.text);
      case 'operator': {
        if (isOpener(token.text)) return parseBrackets(c, token.text);
        if (token.text === '|') return parseBars(c, (t) => isOperator(t, '|'));
        throw new ParseFailure('a value is missing');
      }
      default:
        throw new ParseFailure('a value is missing');
    }
  });
}

function parseBars(c: Cursor, closes: (token: typeof END) => boolean): Node {
  c.bars++;
  const item = c.grammar.sum(c);
  c.bars--;
  if (!closes(peek(c))) throw new ParseFailure('an absolute value is not closed');
  c.at++;
  return { kind: 'call', name: item.kind === 'matrix' ? 'determinant' : 'abs', items: [item], known: true };
}

function parseBrackets(c: Cursor, open: Opener): Node {
  const bars = c.bars;
  c.bars = 0;
  if (open.endsWith('{')) {
    const builder = parseBuilder(c);
    if (builder) return builder;
  }
  if (take(c, CLOSERS[open])) {
    if (open === '{') throw new ParseFailure('empty braces');
    return { kind: 'list', open, close: CLOSERS[open], items: [] };
  }
  const inside = parseOver(c, c.grammar.list(c));
  c.bars = bars;
  const close = peek(c).text;
  const halfOpen = (open === '(' || open === '[') && isOperator(peek(c), ')', ']');
  if (!halfOpen) expect(c, CLOSERS[open]);
  else c.at++;
  const isList = inside.kind === 'list' && inside.open === '';
  if (isList) {
    // `(0;0)` and `(0;1,5)` are tuples separated by a semicolon.
    return { kind: 'list', open, close, items: inside.items };
  }
  if (open === '\\{') return { kind: 'list', open, close, items: [inside] };
  if (halfOpen && close !== CLOSERS[open]) throw new ParseFailure('an interval needs two ends');
  return inside;
}

/** `1 \over 2` and `5 \choose 2`, after the left side. */
export function parseOver(c: Cursor, left: Node): Node {
  const { type, text } = peek(c);
  if (type !== 'command' || !/^(?:over|choose)$/.test(text)) return left;
  c.at++;
  const right = c.grammar.list(c);
  return text === 'over'
    ? { kind: 'divide', left, right }
    : { kind: 'call', name: 'binomial', items: [left, right], known: true };
}

/** `\{x \mid x > 3\}`, after the opening brace. */
function parseBuilder(c: Cursor): Node | undefined {
  const start = c.at;
  const variable = peek(c);
  if (variable.type !== 'symbol') return undefined;
  c.at++;
  if (peek(c).type === 'relation' && peek(c).text === 'in') c.at += 2;
  const bar = peek(c);
  if (isOperator(bar, '|', ':') || (bar.type === 'relation' && bar.text === 'mid')) {
    c.at++;
    const condition = c.grammar.list(c);
    if (take(c, '\\}', '}')) return { kind: 'builder', variable: variable.text, condition };
  }
  c.at = start;
  return undefined;
}

const APPLIED = new Set(['f', 'g', 'h', 'F', 'G', 'H', 'phi', 'psi']);

function parseSymbol(c: Cursor, letter: string): Node {
  let name = letter;
  while (isOperator(peek(c), "'")) {
    c.at++;
    name += "'";
  }
  if (take(c, '_')) {
    const braced = isOperator(peek(c), '{') && isOperator(peek(c, 2), '}') ? 1 : 0;
    if (peek(c, braced).type === 'function') {
      name += `_${peek(c, braced).text}`;
      c.at += 1 + 2 * braced;
      return { kind: 'symbol', name };
    }
    const index = parseArgument(c);
    const choose = letter === 'C' ? parseChoose(c, index) : undefined;
    if (choose) return choose;
    const label = subscriptText(index);
    if (label === undefined) return { kind: 'call', name: `${name}_`, items: [index], known: false };
    name += `_${label}`;
  }
  for (const star of [
    ['^', '*'],
    ['^', '{', '*', '}'],
  ])
    if (star.every((text, k) => peek(c, k).text === text)) {
      c.at += star.length;
      name += '*';
    }
  if (APPLIED.has(letter) && ['^', '{', '-', '1', '}', '('].every((text, k) => peek(c, k).text === text)) {
    c.at += 5;
    name += '^-1';
  }
  const inside = peek(c, 1);
  const single = inside.type === 'symbol' && isOperator(peek(c, 2), ')');
  if (
    isOperator(peek(c), '(') &&
    !peek(c).gap &&
    (APPLIED.has(letter) || /['^]/.test(name) || (letter === 'P' && single))
  ) {
    const argument = parseAtom(c);
    const items = argument.kind === 'list' ? argument.items : [argument];
    return { kind: 'call', name, items, known: false };
  }
  if (/^[A-Z]/.test(name) && isOperator(peek(c), '(') && !peek(c).gap) {
    const start = c.at;
    const point = parseAtom(c);
    // `A(1, 2)` names a point.
    if (point.kind === 'list' && point.items.length > 1)
      return { kind: 'relation', terms: [{ kind: 'symbol', name }, point], relations: ['='] };
    c.at = start;
  }
  return { kind: 'symbol', name };
}

/** `C_{10}^3` and `C_n^2`, after the subscript. `C_1^2` is the square of a constant. */
function parseChoose(c: Cursor, n: Node): Node | undefined {
  const { at, tokens } = c;
  if (!take(c, '^')) return undefined;
  const k = parseArgument(c);
  const fits =
    n.kind === 'number' && k.kind === 'number' ? n.value.n >= k.value.n && n.value.n > 4n : n.kind !== 'number';
  if (fits) return { kind: 'call', name: 'binomial', items: [n, k], known: true };
  Object.assign(c, { at, tokens });
  return undefined;
}

/** A subscript that is only a label; undefined if it is an expression, as in `F_{n-1}`. */
function subscriptText(index: Node): string | undefined {
  if (index.kind === 'number') return `${index.value.n}/${index.value.d}`;
  if (index.kind === 'text') return index.text;
  if (index.kind === 'symbol') return /^[a-z]$/.test(index.name) ? undefined : index.name;
  if (index.kind === 'multiply' && index.items.every((item) => item.kind === 'symbol'))
    return index.items.map((item) => (item.kind === 'symbol' ? item.name : '')).join('');
  return undefined;
}

function parseFunction(c: Cursor, name: string): Node {
  let exponent: Node | undefined;
  let base: Node | undefined;
  for (;;) {
    if (take(c, '_')) base = parseArgument(c);
    else if (take(c, '^')) exponent = take(c, '-') ? { kind: 'negate', item: parseArgument(c) } : parseArgument(c);
    else break;
  }
  if (!startsValue(c)) {
    if (base || exponent) throw new ParseFailure('a function without an argument');
    return { kind: 'symbol', name };
  }
  const inverse = exponent?.kind === 'negate' && /^(?:sin|cos|tan)$/.test(name);
  const applied: Node = {
    kind: 'call',
    name: inverse ? `arc${name}` : name === 'log' && base ? 'logBase' : name,
    items: [...functionArguments(c), ...(base ? [base] : [])],
    known: true,
  };
  return exponent && !inverse ? { kind: 'power', left: applied, right: exponent } : applied;
}

const startsValue = (c: Cursor): boolean =>
  !/^(?:end|relation|separator)$/.test(peek(c).type) && !isOperator(peek(c), ')', '}', ']', '\\}');

function functionArguments(c: Cursor): readonly Node[] {
  if (isOperator(peek(c), '(', '{', '[', '\\{')) {
    const argument = parseAtom(c);
    return argument.kind === 'list' ? argument.items : [argument];
  }
  const items = [take(c, '-') ? ({ kind: 'negate', item: c.grammar.postfix(c) } as const) : c.grammar.postfix(c)];
  while (
    peek(c).type === 'symbol' ||
    (peek(c).type === 'command' && (peek(c).text === 'sqrt' || FRACTION.test(peek(c).text)))
  )
    items.push(c.grammar.postfix(c));
  const [only] = items;
  return only && items.length === 1 ? [only] : [{ kind: 'multiply', items }];
}

function parseCommand(c: Cursor, command: string): Node {
  if (FRACTION.test(command)) return { kind: 'divide', left: parseArgument(c, true), right: parseArgument(c, true) };
  if (command === 'sqrt') return parseRoot(c);
  if (/^[dt]?binom$/.test(command))
    return { kind: 'call', name: 'binomial', items: [parseArgument(c, true), parseArgument(c, true)], known: true };
  if (command === 'int') return parseIntegral(c);
  if (command === 'sum' || command === 'prod') return parseBind(c, command === 'sum' ? 'sum' : 'product');
  if (command === 'lvert' || command === 'vert')
    return parseBars(c, (t) => t.type === 'command' && (t.text === 'rvert' || t.text === 'vert'));
  if (command === 'lfloor' || command === 'lceil') {
    const item = c.grammar.sum(c);
    const closer = command === 'lfloor' ? 'rfloor' : 'rceil';
    if (peek(c).text !== closer) throw new ParseFailure(`\\${closer} is missing`);
    c.at++;
    return { kind: 'call', name: closer === 'rfloor' ? 'floor' : 'ceil', items: [item], known: true };
  }
  if (command === 'langle') {
    const inside = c.grammar.list(c);
    c.at++;
    return { kind: 'list', open: '(', close: ')', items: inside.kind === 'list' ? inside.items : [inside] };
  }
  if (command === 'det' && peek(c).text.startsWith('begin:'))
    return { kind: 'call', name: 'determinant', items: [parseAtom(c)], known: true };
  if (command.startsWith('begin:')) return parseEnvironment(c, command.slice(6));
  if (ACCENTS.has(command)) {
    const under = parseArgument(c);
    if (/^(?:bar|overline)$/.test(command) && under.kind !== 'symbol' && some(under, isImaginary))
      return { kind: 'call', name: 'conjugate', items: [under], known: true };
    return { kind: 'symbol', name: `${ACCENT_NAMES[command] ?? command}:${accented(under)}` };
  }
  if (/^(?:end:|r|pm|cup|cap|times|cdot)/.test(command)) throw new ParseFailure('a value is missing');
  return { kind: 'symbol', name: `\\${command}` };
}

const ACCENT_NAMES: Readonly<Record<string, string>> = { overrightarrow: 'vec', widehat: 'hat', bar: 'overline' };

const accented = (node: Node): string => {
  if (node.kind === 'symbol') return node.name;
  if (node.kind === 'multiply') return node.items.map(accented).join('');
  throw new ParseFailure('an accent over more than a name');
};

function parseRoot(c: Cursor): Node {
  let index: Node | undefined;
  if (take(c, '[')) {
    index = c.grammar.sum(c);
    expect(c, ']');
  }
  const item = parseArgument(c);
  return { kind: 'call', name: index ? 'root' : 'sqrt', items: index ? [item, index] : [item], known: true };
}
